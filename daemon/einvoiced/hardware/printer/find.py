"""Which device node is the configured printer now: a node may change its number, a printer may be replaced.

* A name with `*` or `?` stands for whatever matches it, if exactly one does.
* `/dev/serial/by-id/usb-MAKER_MODEL_SERIAL-if00-port0` that is not there stands for another printer of the same maker
  and model, if exactly one is there.
* `/dev/usb/lpN` that is not there stands for the only one there, if it says that it is of the same kind as the last one
  (its IEEE 1284 id, which usblp shows in sysfs).
"""

from __future__ import annotations

import glob
import re
from pathlib import Path

from . import PrinterUnavailable

SYSFS = Path("/sys/class/usbmisc")
_BY_ID = re.compile(r"(?P<kind>usb-.+)_[^_]*(?P<port>-if[0-9]+(?:-port[0-9]+)?)")


def serial_node(device: str) -> str:
    """The tty to open for a configured device; PrinterUnavailable when several would do."""
    if _is_pattern(device):
        return _only(device, device)
    path = Path(device)
    found = _BY_ID.fullmatch(path.name)
    if path.exists() or found is None or path.parent.name != "by-id":
        return device
    return _only(f"{path.parent}/{glob.escape(found['kind'])}_*{glob.escape(found['port'])}", device)


def usb_node(device: str, kind: str = "", sysfs: Path = SYSFS) -> str:
    """The node to open for a configured /dev/usb/lp*; `kind` is that of the printer that was there before."""
    pattern = device if _is_pattern(device) else re.sub(r"/lp[0-9]+$", "/lp*", device)
    if Path(device).exists() or not _is_pattern(pattern):
        return device
    node = _only(pattern, device)
    if kind and usb_kind(node, sysfs) not in ("", kind):
        raise PrinterUnavailable(f"{device}: {node} is another kind of printer")
    return node


def usb_kind(node: str, sysfs: Path = SYSFS) -> str:
    """Maker and model that a printer states in its IEEE 1284 id; "" when it states none."""
    try:
        text = (sysfs / Path(node).name / "device" / "ieee1284_id").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = dict(part.strip().partition(":")[::2] for part in text.split(";"))
    said = [fields.get(short, fields.get(long, "")) for short, long in (("MFG", "MANUFACTURER"), ("MDL", "MODEL"))]
    return " ".join(said).strip()


def _is_pattern(device: str) -> bool:
    return any(sign in device for sign in "*?")


def _only(pattern: str, device: str) -> str:
    """What matches a pattern; the device itself when nothing does."""
    folder, _, name = pattern.rpartition("/")
    found = sorted(str(path) for path in Path(folder or ".").glob(name))
    if len(found) > 1:
        raise PrinterUnavailable(f"{device}: {len(found)} devices would do ({', '.join(found)}); name one of them")
    return found[0] if found else device
