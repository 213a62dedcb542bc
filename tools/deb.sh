#!/bin/sh
# Build build/deb/einvoiced_<version>_<arch>.deb. SUITE (bookworm, trixie) and ARCH (amd64, arm64) other than this
# machine's are built in a fresh chroot of that Debian (mmdebstrap, qemu-user for another processor), where the result
# must show that it runs.
set -eu
cd "$(dirname "$0")/.."
here_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
here_arch=$(dpkg --print-architecture)
suite=${SUITE:-bookworm}
arch=${ARCH:-$here_arch}
case "$suite" in
    bookworm) python=3.11 suffix="" packages="debhelper python3 python3-venv" compiled="" ;;
    trixie) # lgpio is compiled there: it has no wheel for Python 3.13
        python=3.13 suffix="+deb13" packages="debhelper python3-venv gcc libc6-dev python3-dev swig" compiled=lgpio ;;
    *) echo "SUITE is bookworm (Debian 12) or trixie (Debian 13), not $suite" >&2; exit 2 ;;
esac
case "$arch" in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) echo "ARCH is amd64 or arm64, not $arch: some packages have no wheels for it" >&2; exit 2 ;;
esac
native=no
[ "$suite" = "$here_suite" ] && [ "$arch" = "$here_arch" ] && native=yes

# The wheels, checked against their hashes; kept for the next build. argparse-manpage comes as its source only.
fetch() {
    wheels="$PWD/build/wheels/python$python-$arch"
    wanted=$(cksum <"debian/wheels/python$python.txt")
    [ "$(cat "$wheels/.complete" 2>/dev/null || true)" = "$wanted" ] && return 0
    echo "fetching wheels for Python $python on $arch"
    [ -x build/tools-venv/bin/pip ] || /usr/bin/python3 -m venv build/tools-venv
    rm -rf "$wheels"
    platforms="--platform manylinux2014_$machine --platform linux_$machine"
    for glibc in 17 24 26 27 28 31 34 35 36; do platforms="$platforms --platform manylinux_2_${glibc}_$machine"; done
    build/tools-venv/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
        --only-binary :all: --no-binary "argparse-manpage${compiled:+,$compiled}" --implementation cp --python-version "$python" $platforms \
        --dest "$wheels" -r "debian/wheels/python$python.txt"
    echo "$wanted" >"$wheels/.complete"
}

# What the package is made of, the same bytes for the same content.
sources() {
    tar -c --sort=name --mtime="@$(dpkg-parsechangelog -l debian/changelog -S Timestamp)" --owner=0 --group=0 \
        --mode=go-w --exclude=__pycache__ --exclude='*.egg-info' \
        debian daemon hw_tests config systemd docs setup.cfg pyproject.toml README.md README.zh-TW.md CHANGELOG.md LICENSE
}

copy() {
    rm -rf "$work"
    mkdir -p "$work/source"
    sources | tar -x -C "$work/source"
    sed -i "1s/(.*)/($version)/" "$work/source/debian/changelog"
}

build_here() {
    tools/need.sh dpkg-dev $packages
    (cd "$work/source" && WHEELS="$wheels" dpkg-buildpackage -b -us -uc -d) >"$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
}

# The kernel must know how to run programs of another processor.
foreign() {
    tools/need.sh qemu-user-static binfmt-support arch-test
    misc=/proc/sys/fs/binfmt_misc
    [ -e $misc/register ] || mount -t binfmt_misc binfmt_misc $misc
    [ -e $misc/qemu-$machine ] || update-binfmts --enable qemu-$machine
}

build_in_chroot() {
    tools/need.sh mmdebstrap dpkg-dev ca-certificates
    [ "$arch" = "$here_arch" ] || foreign
    cp -a "$wheels" "$work/wheels"
    loads="import cryptography.fernet, einvoiced.app, escpos.printer, gpiozero, lgpio, lxml.etree, PIL.Image, pyudev"
    mmdebstrap --variant=apt --arch="$arch" --include="$(echo $packages | tr " " ,)" --aptopt='Acquire::Languages "none"' \
        --customize-hook="copy-in $work/source $work/wheels /srv" \
        --customize-hook='chroot "$1" sh -c "cd /srv/source && dpkg-buildpackage -b -us -uc -d"' \
        --customize-hook='chroot "$1" sh -c "dpkg --force-depends --unpack /srv/*.deb && einvoiced --version && hw-tests --list"' \
        --customize-hook="chroot \"\$1\" sh -c 'cd /tmp && /usr/lib/einvoiced/venv/bin/python3 -I -c \"$loads\"'" \
        --customize-hook="sync-out /srv $work/out" \
        "$suite" /dev/null >"$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
    mv "$work"/out/*.deb "$work/out"/*.buildinfo "$work/"
}

begin=$(date +%s)
work="$PWD/build/deb/work-$suite-$arch"
command -v dpkg-parsechangelog >/dev/null || tools/need.sh dpkg-dev
[ -e /usr/lib/python3*/ensurepip/__init__.py ] || tools/need.sh python3-venv
# VERSION=... gives the package another version (tests of upgrades).
version=${VERSION:-$(dpkg-parsechangelog -l debian/changelog -S Version)}$suffix
deb="einvoiced_${version}_$arch.deb"
made_of=$(sources | sha256sum)
if [ -e "build/deb/$deb" ] && [ "$(cat "build/deb/.$deb.sources" 2>/dev/null)" = "$made_of" ]; then
    touch "build/deb/$deb"
    echo "build/deb/$deb: nothing has changed"
    exit 0
fi
fetch
copy
if [ "$native" = yes ]; then build_here; else build_in_chroot; fi
mv "$work/$deb" build/deb/
echo "$made_of" >"build/deb/.$deb.sources"
rm -rf "$work"
echo "build/deb/$deb: $(du -k "build/deb/$deb" | cut -f1) KiB after $(($(date +%s) - begin)) s"
