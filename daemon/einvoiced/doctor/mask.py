"""What may not leave the box in a bundle is replaced: keys, customers' identifiers, whatever an error quotes."""

from __future__ import annotations

import re

STARS = "********"

_HEX_KEY = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?![0-9A-Fa-f])")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SEAL = re.compile(r"[A-Za-z0-9+/]{22}==")
_CARRIER = re.compile(r"/[0-9A-Z.+-]{7}(?![0-9A-Za-z.+-])")
_CERTIFICATE = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{14}(?![0-9])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_TAX_ID = re.compile(r"(?<![0-9A-Za-z])[0-9]{8}(?![0-9])")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|「[^」\n]*」|`[^`\n]*`")
_RAISED = re.compile(
    r"^((?:.*?: )?(?:<\d>)?(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupted|Lost|Warning)): .*$"
)
_OPTION = re.compile(
    r"^(\s*[\w.-]*(?:secret|password|passphrase|token|credential|key)[\w.-]*\s*=\s*)(.+)$", re.IGNORECASE
)


def log(text: str, seller: str) -> str:
    """A log without what might be a customer's or a secret. The seller's own 統一編號 stays.

    What an exception says, and what stands in quotes, is left out: it may be a request's content.
    """
    lines = []
    for line in text.splitlines():
        line = _RAISED.sub(rf"\1: {STARS}", line)
        lines.append(_QUOTED.sub(STARS, _identifiers(line, seller)))
    return "\n".join(lines) + "\n"


def configuration(text: str) -> str:
    """The TOML file with the values of secret options replaced, and whatever looks like a key elsewhere."""
    lines = []
    for line in text.splitlines():
        found = _OPTION.match(line)
        if found is not None and not found[1].split("=")[0].strip().endswith("_file"):
            line = f'{found[1]}"{STARS}"'
        lines.append(_SEAL.sub(STARS, _HEX_KEY.sub(STARS, line)))
    return "\n".join(lines) + "\n"


def _identifiers(line: str, seller: str) -> str:
    for pattern in (_UUID, _HEX_KEY, _SEAL, _CARRIER, _CERTIFICATE, _EMAIL):
        line = pattern.sub(STARS, line)
    return _TAX_ID.sub(lambda found: found[0] if found[0] == seller else STARS, line)
