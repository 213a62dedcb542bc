"""The till's socket: may this user ask, and how fast does the box answer? Under systemd asking starts a stopped box."""

from __future__ import annotations

import grp
import stat
import time
from pathlib import Path

from einvoiced.client import BoxError, BoxUnreachable, Client
from hw_tests.bench import Bench, Figure, Outcome, percentiles, user_name

CALLS = 20


def run(bench: Bench) -> Outcome:
    """Ask `box.info` over the till's socket, as the user who runs this."""
    path = bench.run / "till.sock"
    figures: dict[str, Figure] = {"user": user_name(), **_owner(path)}
    times: list[float] = []
    try:
        with Client(str(path), timeout=10) as box:
            for _ in range(CALLS):
                begin = time.monotonic()
                info = box.call("box.info")
                times.append(time.monotonic() - begin)
    except BoxUnreachable as error:
        return Outcome("fail", _why(error.__cause__, path), figures)
    except BoxError as error:
        return Outcome("fail", f"the box answered {error.name}: {error}", figures)
    figures |= {"version": str(info["version"]), "protocol": int(info["protocol"]), **percentiles(times)}
    return Outcome("pass", f"einvoiced {info['version']} answers in {figures['p50_ms']} ms", figures)


def _owner(path: Path) -> dict[str, Figure]:
    try:
        found = path.stat()
    except OSError:
        return {}
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        group = str(found.st_gid)
    return {"mode": f"{stat.S_IMODE(found.st_mode):04o}", "group": group}


def _why(cause: BaseException | None, path: Path) -> str:
    if isinstance(cause, PermissionError):
        return f"the user {user_name()} may not use {path}; add it to the socket's group and log in again"
    if isinstance(cause, FileNotFoundError):
        return f"there is no {path}: systemctl status einvoiced-till.socket"
    if isinstance(cause, ConnectionRefusedError):
        return f"nobody listens on {path}: systemctl status einvoiced-till.socket einvoiced"
    return f"{path}: {cause}"
