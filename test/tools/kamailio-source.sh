#!/bin/sh
# Unpacks and configures the source of the installed Kamailio, whose headers no package holds.
# usage: kamailio-source.sh DIR   (DIR is made; nothing is done when it is there already)
set -eu
dir=$1
[ -f "$dir/src/config.mak" ] && exit 0

version=$(dpkg-query -W -f '${Version}' kamailio)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$(dirname "$dir")"

# A private list of sources, so that the machine's own apt configuration stays as it is.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' | sort -u |
    sed "s|^|deb-src [signed-by=$keyring] |" >"$work/sources.list"

apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
(cd "$work" && apt source --download-only "kamailio=$version" && dpkg-source --no-check -x kamailio_*.dsc tree >/dev/null)

make -C "$work/tree" -s cfg FLAVOUR=kamailio prefix=/usr cfg_target=/etc/kamailio/ group_include=kstandard \
    CC_EXTRA_OPTS="$(DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get CFLAGS) $(dpkg-buildflags --get CPPFLAGS) -DVERSION_NODATE" \
    LD_EXTRA_OPTS="$(dpkg-buildflags --get LDFLAGS)" >/dev/null
rm -rf "$dir"
mv "$work/tree" "$dir"
