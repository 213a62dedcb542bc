#!/bin/sh
# Make .venv and install what einvoiced and its tests need. Says the exact command where it may not do it itself.
set -eu
cd "$(dirname "$0")/.."
venv=.venv
stamp="$venv/.installed"
extras="${1:-dev}"

missing=""
need() { missing="$missing $1"; }
command -v python3 >/dev/null 2>&1 || need python3
python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || need fonts-noto-cjk
[ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || need fonts-wqy-microhei
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || need fonts-dejavu-core
case ",$extras," in *,dev,*) [ -e /usr/include/stdio.h ] && command -v cc >/dev/null 2>&1 || need "gcc libc6-dev" ;; esac
case ",$extras," in *,bench,*) command -v strace >/dev/null 2>&1 || need strace ;; esac

[ -z "$missing" ] || tools/need.sh $missing

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed." >&2; exit 1; }

wanted="$extras $(cat setup.cfg pyproject.toml | cksum)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    echo "installing Python packages into $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
    echo "$wanted" > "$stamp"
fi
