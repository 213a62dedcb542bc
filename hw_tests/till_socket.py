"""The till's socket: may the till's user ask, may nobody else, and how fast does the box answer?

As root it is tried as each user of the socket's group (or as `--user NAME`), and as `nobody`, who must be refused.
Under systemd asking starts a stopped box.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError, BoxUnreachable, Client
from hw_tests.bench import Bench, Figure, Outcome, percentiles, user_name

CALLS = 20
GROUP, OUTSIDER = "einvoice-till", "nobody"


def run(bench: Bench) -> Outcome:
    """Ask `box.info` over the till's socket as whoever should, and see that an outsider may not."""
    path = bench.run / "till.sock"
    figures: dict[str, Figure] = {"user": user_name(), **_owner(path)}
    users = _users(bench)
    for user in users:
        said = as_user(user, path)
        if "trouble" in said:
            return Outcome("fail", str(said["trouble"]), figures | {"user": user})
        figures |= {**said, "user": user}
    if not users:
        said = _ask(path, user_name())
        if "trouble" in said:
            return Outcome("fail", str(said["trouble"]), figures)
        figures |= said
    if os.geteuid() == 0 and OUTSIDER not in bench.users:
        figures["outsider_refused"] = "trouble" in as_user(OUTSIDER, path)
        if not figures["outsider_refused"]:
            return Outcome("fail", f"{OUTSIDER} may issue invoices too: the socket's mode or group is wrong", figures)
    who = f" to {', '.join(users)}" if users else ""
    return Outcome("pass", f"einvoiced {figures['version']} answers{who} in {figures['p50_ms']} ms", figures)


def _users(bench: Bench) -> Sequence[str]:
    """As whom it is tried; nobody's but our own rights without root."""
    if os.geteuid() != 0:
        return ()
    if bench.users:
        return bench.users
    try:
        return sorted(grp.getgrnam(GROUP).gr_mem)
    except KeyError:
        return ()


def as_user(user: str, path: Path) -> dict[str, Any]:
    """Ask as another user, in a child that has become that user; `trouble` says why it failed."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return {"trouble": f"there is no user {user}"}
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.initgroups(user, entry.pw_gid)
            os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
            os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
            os.write(writer, json.dumps(_ask(path, user)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    answer: dict[str, Any] = json.loads(said) if said else {"trouble": f"asking as {user} failed"}
    return answer


def _ask(path: Path, user: str) -> dict[str, Any]:
    """Version, protocol and times, or the trouble."""
    times: list[float] = []
    try:
        with Client(str(path), timeout=10) as box:
            for _ in range(CALLS):
                begin = time.monotonic()
                info = box.call("box.info")
                times.append(time.monotonic() - begin)
    except BoxUnreachable as error:
        return {"trouble": _why(error.__cause__, path, user)}
    except BoxError as error:
        return {"trouble": f"the box answered {error.name}: {error}"}
    return {"version": str(info["version"]), "protocol": int(info["protocol"]), **percentiles(times)}


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


def _why(cause: BaseException | None, path: Path, user: str) -> str:
    if isinstance(cause, PermissionError):
        return f"the user {user} may not use {path}; add it to the socket's group and log in again"
    if isinstance(cause, FileNotFoundError):
        return f"there is no {path}: systemctl status einvoiced-till.socket"
    if isinstance(cause, ConnectionRefusedError):
        return f"nobody listens on {path}: systemctl status einvoiced-till.socket einvoiced"
    return f"{path}: {cause}"
