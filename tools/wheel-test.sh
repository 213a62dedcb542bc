#!/bin/sh
# Build the wheel, install it without extras into an empty venv, and run its entry points from another folder.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null || true; rm -rf "$work"' EXIT
daemon=0
.venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir "$work/dist" .
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$work"/dist/einvoiced-*.whl
cd "$work"
bin="$work/venv/bin"
"$bin/einvoiced" --version
"$bin/einvoicectl" --version
"$bin/hw-tests" --list
state="${EINVOICED_TEST_DIR:-$work}/wheel-test-$$"
"$bin/einvoiced" --config "$work/none.toml" --state "$state" --run "$work/run" 2>"$work/log" &
daemon=$!
tries=0
until [ -S "$work/run/admin.sock" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
"$bin/einvoicectl" --run "$work/run" status | grep -q config_error
kill "$daemon" && wait "$daemon"
rm -rf "$state"
echo "the wheel works without development extras"
