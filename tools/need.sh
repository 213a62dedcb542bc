#!/bin/sh
# tools/need.sh PACKAGE...: install what is missing of these Debian packages. Says the exact command where it may not.
set -eu
missing=""
for package in "$@"; do
    [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then as=""
elif sudo -n true 2>/dev/null; then as="sudo"
else
    echo "These Debian packages are missing:$missing" >&2
    echo "Install them with:  sudo apt-get update && sudo $install" >&2
    exit 1
fi
echo "installing Debian packages:$missing"
$as apt-get -o DPkg::Lock::Timeout=300 update -qq
$as env DEBIAN_FRONTEND=noninteractive $install >/dev/null
