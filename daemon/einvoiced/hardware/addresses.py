"""Under which addresses this machine can be reached, read from the kernel's own tables: no socket is opened.

The daemon's sandbox has no internet sockets, and needs none for this (proc(5): /proc/net/fib_trie, if_inet6).
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def addresses(net: Path = Path("/proc/net")) -> list[str]:
    """IPv4 and global IPv6 addresses, without loopback and link-local ones; [] where none is known."""
    found = [ipaddress.ip_address(text) for text in _LOCAL.findall(_read(net / "fib_trie"))]
    for line in _read(net / "if_inet6").splitlines():
        found.append(ipaddress.ip_address(bytes.fromhex(line.split()[0])))
    usable = {str(each): None for each in found if not (each.is_loopback or each.is_link_local)}
    return list(usable)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
