#!/bin/sh
# Unpacks and configures the source of the installed Kamailio, whose headers no package holds.
# usage: kamailio-source.sh DIR [SUITE]   (DIR is made; nothing is done when it is there already)
# SUITE: another Debian release, trixie for instance, to see that the module builds against its Kamailio.
set -eu
dir=$1
suite=${2-}
[ -f "$dir/src/config.mak" ] && exit 0

version=
[ -n "$suite" ] || version="=$(dpkg-query -W -f '${Version}' kamailio)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$(dirname "$dir")"

# A private list of sources, so that the machine's own apt configuration stays as it is.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' | sort -u |
    sed "s|^|deb-src [signed-by=$keyring] |" >"$work/sources.list"
if [ -n "$suite" ]; then
    grep -v security "$work/sources.list" | sed -n "1s|^\(.*\) [^ ]* [^ ]*\$|\1 $suite main|p" >"$work/suite.list"
    mv "$work/suite.list" "$work/sources.list"
fi

apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
# A mirror may lack upstream's detached signature; what is needed is missed by dpkg-source.
(cd "$work" && { apt source --download-only "kamailio$version" || true; } && dpkg-source --no-check -x kamailio_*.dsc tree >/dev/null)

make -C "$work/tree" -s cfg FLAVOUR=kamailio prefix=/usr cfg_target=/etc/kamailio/ group_include=kstandard \
    CC_EXTRA_OPTS="$(DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get CFLAGS) $(dpkg-buildflags --get CPPFLAGS) -DVERSION_NODATE" \
    LD_EXTRA_OPTS="$(dpkg-buildflags --get LDFLAGS)" >/dev/null
rm -rf "$dir"
mv "$work/tree" "$dir"
