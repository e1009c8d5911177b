#!/bin/sh
# Installs what the named sets of Debian packages lack, and nothing when all is there.
# usage: deps.sh SET...   (sets: build run demo test bench fuzz lint)
set -eu

packages() {
    case $1 in
    build) echo gcc make pkg-config dpkg-dev libc6-dev libcurl4-openssl-dev libhiredis-dev libxml2-dev libssl-dev ;;
    run) echo netbase kamailio kamailio-extra-modules redis-server redis-tools nginx curl dovecot-imapd openssl ;;
    demo) echo python3 sip-tester sipsak ;;
    test) echo check tshark python3 python3-pytest python3-pytest-xdist python3-redis sip-tester \
        kamailio-presence-modules kamailio-sqlite-modules kamailio-lua-modules kamcli kamailio-utils-modules sqlite3 valgrind ;;
    bench) echo mariadb-server kamailio-mysql-modules ;;
    fuzz) echo clang-14 libclang-rt-14-dev ;;
    lint) echo clang-14 clang-tidy-14 clang-format-14 cppcheck ;;
    *) echo "deps.sh: no package set named '$1'" >&2; exit 2 ;;
    esac
}

missing=
for set in "$@"; do
    for package in $(packages "$set"); do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

run=
[ "$(id -u)" = 0 ] || run=sudo
echo "installing Debian packages:$missing"

# Packages must not start system services of their own: the project runs private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $run tee "$policy" >/dev/null
    $run chmod 755 "$policy"
    trap '$run rm -f "$policy"' EXIT
fi
# Another installation may be under way, as on a machine just booted.
wait='-o DPkg::Lock::Timeout=300'
# shellcheck disable=SC2086
$run apt-get $wait update -qq
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get $wait install -y -qq --no-install-recommends $missing >/dev/null
