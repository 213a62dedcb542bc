#!/bin/sh
# Write debian/wheels/python*.txt: the exact versions and the hashes of every wheel that the Debian packages may hold.
# The ranges are setup.cfg's; one file for each Python that a supported Debian has.
set -eu
cd "$(dirname "$0")/.."
venv=build/tools-venv
[ -x "$venv/bin/pip" ] || /usr/bin/python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "uv >=0.8,<0.14"
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
"$venv/bin/python" - >"$wanted" <<'PYTHON'
import configparser
import tomllib

setup = configparser.ConfigParser()
setup.read("setup.cfg")
print(setup["options"]["install_requires"], setup["options.extras_require"]["deb"])
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")  # builds our own wheel
PYTHON
for python in 3.11 3.13; do
    lock="debian/wheels/python$python.txt"
    "$venv/bin/uv" pip compile --quiet --no-config --no-header --upgrade --generate-hashes --no-annotate \
        --only-binary :all: --no-binary argparse-manpage --no-emit-package pip \
        --python-version "$python" --python-platform x86_64-manylinux_2_36 --output-file "$lock" - <"$wanted"
    # lgpio has no wheel for this Python: its source, by the hash that the other file has of it, is compiled.
    grep -q ^lgpio== "$lock" ||
        awk '/^[a-z]/ { keep = /^lgpio==/ } keep' debian/wheels/python3.11.txt >>"$lock"
    echo "$lock: $(grep -c == "$lock") packages"
done
