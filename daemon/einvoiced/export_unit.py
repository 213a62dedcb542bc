"""`einvoiced-export`: the only thing that writes onto a shop's stick, and only where a folder `einvoiced-export` asks.

    einvoiced-export [--user NAME] [--run DIR] [--sockets DIR] DEVICE
    einvoiced-export [--sockets DIR] --folder DIR

systemd starts one for every file system on a USB disk, after the one that reads it. Root looks, read-only, whether the
folder is there; if so it mounts the stick for writing where nobody else sees it, and a child that has given up root
does the work (`followers.stick_export`). Only when the stick is unmounted the box is told, and a slip says that it may
be pulled out. `--folder` works on a folder that is mounted already.
"""

from __future__ import annotations

import argparse
import grp
import logging
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from einvoiced import log
from einvoiced.actions.stick_outcome import Outcome
from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.followers.stick_export import export
from einvoiced.hardware.stick import mount
from einvoiced.hardware.stick.walk import EXPORT_FOLDER as FOLDER
from einvoiced.mig import schema
from einvoiced.stick_unit import FAILED, NAME, USAGE, give_up_root, in_child, user_and_group

USER = "einvoiced-export"
ADMIN_GROUP = "einvoice-admin"
RUN = Path("/run/einvoiced-export")
SOCKETS = Path("/run/einvoice")
DONE = 0
WORK_SECONDS, LOOK_SECONDS, TELL_SECONDS = 540.0, 20.0, 20.0
ABSENT = 4
"""The look's exit code for a stick without the folder."""

logger = logging.getLogger("einvoiced-export")


def main(arguments: list[str] | None = None) -> int:
    """The entry point: 0 when all is done, or the stick has no such folder."""
    options = _options(arguments)
    log.set_up(verbose=False)
    if options.folder is not None:
        return on_folder(options.folder, options.sockets)
    try:
        return on_device(options.device, options.user, options.run, options.sockets)
    except (OSError, ValueError, KeyError) as error:
        logger.error("%s", error)
        return USAGE


def on_folder(folder: Path, sockets: Path) -> int:
    """A stick, or what plays one, that is mounted already."""
    if not _asks(folder):
        logger.info("%s has no folder %s", folder, FOLDER)
        return DONE
    outcome = work(folder / FOLDER, sockets)
    tell(outcome, sockets)
    return FAILED if outcome.problems else DONE


def on_device(device: Path, user: str, run: Path, sockets: Path) -> int:
    """Look, mount, work, unmount, tell. Raise OSError or ValueError for what the unit was given wrongly."""
    if not NAME.fullmatch(device.name) or not stat.S_ISBLK(device.stat().st_mode):
        raise ValueError(f"{device} is no block device")
    uid, gid = user_and_group(user)
    groups = [grp.getgrnam(ADMIN_GROUP).gr_gid]
    target = run / device.name
    target.mkdir(mode=0o755, parents=True, exist_ok=True)

    def as_user(job: Callable[[], int]) -> Callable[[], int]:
        def run_it() -> int:
            give_up_root(uid, gid, groups)
            return job()

        return run_it

    schema.load_all()  # while this may still read the program's own files, wherever they are
    mount.own_namespace()
    mount.mount_read_only(device, target, uid=uid, gid=gid)
    asks = in_child(as_user(lambda: DONE if _asks(target) else ABSENT), LOOK_SECONDS)
    mount.unmount(target)
    if asks != DONE:
        return DONE if asks == ABSENT else FAILED
    mount.mount_writable(device, target, uid=uid, gid=gid)
    reader, writer = os.pipe()
    code = in_child(as_user(lambda: _write_outcome(writer, work(target / FOLDER, sockets))), WORK_SECONDS)
    os.close(writer)
    outcome = _read_outcome(reader) if code == DONE else Outcome(problems=["寫入隨身碟逾時或中斷，請重新插入。"])
    try:
        mount.unmount(target)
    except OSError as error:
        outcome = msgspec.structs.replace(outcome, problems=[*outcome.problems, f"隨身碟無法卸載（{error.strerror}）"])
    in_child(as_user(lambda: tell(outcome, sockets)), TELL_SECONDS)
    return FAILED if outcome.problems else DONE


def work(folder: Path, sockets: Path) -> Outcome:
    """All that is to be done in the folder; a failure is an outcome with a problem."""
    try:
        with Client(str(sockets / "admin.sock"), timeout=60) as box:
            return export(folder, box)
    except OSError as error:
        logger.error("%s", error)
        away = isinstance(error, BoxUnreachable)
        zh = "主機服務沒有回應，請稍後重新插入。" if away else f"隨身碟寫入失敗（{error.strerror}），請重新插入。"
        return Outcome(problems=[zh])
    except BoxError as error:
        logger.error("%s", error)
        return Outcome(problems=[error.zh or str(error)])


def tell(outcome: Outcome, sockets: Path) -> int:
    """Let the box say it on a slip."""
    logger.info("%s", outcome)
    try:
        with Client(str(sockets / "admin.sock"), timeout=15) as box:
            box.call("upload.exported", **msgspec.to_builtins(outcome))
    except (BoxError, BoxUnreachable) as error:
        logger.error("the box cannot be told: %s", error)
        return FAILED
    return DONE


def _asks(root: Path) -> bool:
    """Whether a real folder of the name is there; a link is none."""
    try:
        return stat.S_ISDIR((root / FOLDER).lstat().st_mode)
    except OSError:
        return False


def _write_outcome(descriptor: int, outcome: Outcome) -> int:
    os.write(descriptor, msgspec.json.encode(outcome)[:60_000])
    return DONE


def _read_outcome(descriptor: int) -> Outcome:
    with open(descriptor, "rb") as file:
        return msgspec.json.decode(file.read(), type=Outcome)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="einvoiced-export", description="Write uploads onto a stick that asks.")
    parser.add_argument("device", nargs="?", type=Path, metavar="DEVICE", help="the device node of a file system")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="a stick that is mounted already")
    parser.add_argument("--user", default=USER, help=f"who writes ({USER})")
    parser.add_argument("--run", type=Path, default=RUN, help=f"where the folder to mount on is made ({RUN})")
    parser.add_argument("--sockets", type=Path, default=SOCKETS, help=f"where the box's sockets are ({SOCKETS})")
    options = parser.parse_args(arguments)
    if (options.device is None) == (options.folder is None):
        parser.error("give a device, or --folder")
    return options


if __name__ == "__main__":
    sys.exit(main())
