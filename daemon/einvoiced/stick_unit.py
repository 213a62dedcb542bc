"""`einvoiced-stick`: the unit that copies what may be a track file from one stick into the inbox. It runs as root.

    einvoiced-stick [--inbox DIR] [--user NAME] [--run DIR] DEVICE

systemd starts one for every file system on a USB disk that udev finds. Root only opens the inbox, forks, and waits with
a deadline. The child mounts the stick read-only where nobody else sees it, gives up root for good, and collects. The
mount belongs to the child: however the child ends, the kernel unmounts. A stick that cannot be read gives a batch
without files, so that somebody is told.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import pwd
import re
import resource
import select
import signal
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from einvoiced import log
from einvoiced.hardware.stick import mount
from einvoiced.hardware.stick.collect import Limits, collect

INBOX = Path("/var/lib/einvoiced/inbox")
USER = "einvoiced-stick"
RUN = Path("/run/einvoiced-stick")

COLLECTED, FAILED, UNREADABLE, USAGE = 0, 1, 3, 64
GRACE_SECONDS = 10.0
"""What mounting may take on top of the time that collecting is given."""

_TELL_SECONDS = 10.0
_DEATH_SECONDS = 5.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_RESOURCES = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 8 << 20),
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_NPROC, 0),
    (resource.RLIMIT_AS, 512 << 20),
    (resource.RLIMIT_CPU, 60),
)

logger = logging.getLogger("einvoiced-stick")


@dataclass(frozen=True)
class Job:
    """One stick: the device, the folder to mount it on, who reads it, and the open inbox."""

    device: Path
    target: Path
    uid: int
    gid: int
    inbox: int
    limits: Limits

    @property
    def batch(self) -> str:
        """The batch's name in the inbox: `usb-sdb1`."""
        return f"usb-{self.device.name}"


def main(arguments: list[str] | None = None) -> int:
    """The entry point: 0 when a batch is in the inbox, if only one that says that the stick was unreadable."""
    options = _options(arguments)
    log.set_up(verbose=False)
    try:
        job = make_job(options.device, inbox=options.inbox, user=options.user, run=options.run)
    except (OSError, ValueError) as error:
        logger.error("%s", error)
        return USAGE
    try:
        return run(job)
    finally:
        os.close(job.inbox)


def make_job(device: Path, *, inbox: Path, user: str, run: Path, limits: Limits | None = None) -> Job:
    """Check what the unit was given, open the inbox, make the folder to mount on. Raise ValueError or OSError.

    The inbox is opened here because its folder lies where the collecting user may not go; only its own rights count.
    """
    if not NAME.fullmatch(device.name):
        raise ValueError(f"{device} is no name of a device")
    if not stat.S_ISBLK(device.stat().st_mode):
        raise ValueError(f"{device} is no block device")
    uid, gid = user_and_group(user)
    target = run / device.name
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    fd = os.open(inbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return Job(device, target, uid, gid, fd, Limits() if limits is None else limits)


def run(job: Job) -> int:
    """Collect under the deadline; where that fails for the stick's sake, leave a batch that says so.

    A disk that is in use, such as the one that the machine was started from, is none of this unit's business.
    """
    try:
        was_locked = _lock(job.device)
    except BlockingIOError:
        logger.info("%s is in use and left alone", job.device)
        return COLLECTED
    try:
        code = in_child(lambda: _mount_and_collect(job), job.limits.seconds + GRACE_SECONDS)
    finally:
        with suppress(OSError):
            job.target.rmdir()
    if code is not None and not was_locked:
        with suppress(OSError):
            mount.lock_writes(job.device, False)
    if code is None:
        logger.warning("%s took longer than %.0f s", job.device, job.limits.seconds + GRACE_SECONDS)
    if code is None or code == UNREADABLE:
        code = in_child(lambda: _tell_unreadable(job), _TELL_SECONDS)
    return FAILED if code is None else code


def in_child(work: Callable[[], int], seconds: float) -> int | None:
    """Run `work` in a child and return its exit code; None when it had to be killed after so many seconds.

    A child that died by another signal has failed. One that not even SIGKILL ends (it waits for a dead device) is left
    to systemd.
    """
    pid = os.fork()
    if pid == 0:
        _be_child(work)
    fd = os.pidfd_open(pid)
    try:
        if _ended(fd, seconds):
            return _exit_code(pid)
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        if _ended(fd, _DEATH_SECONDS):
            os.waitpid(pid, 0)
        return None
    finally:
        os.close(fd)


def give_up_root(uid: int, gid: int, groups: Sequence[int] = ()) -> None:
    """Become another user for good, in these other groups, with small limits. Raise OSError, or ValueError for root."""
    if 0 in (uid, gid, *groups):
        raise ValueError("the collecting user may not be root")
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    mount.no_new_privileges()
    mount.die_with_parent()
    os.umask(0o007)
    for kind, limit in _RESOURCES:
        resource.setrlimit(kind, (limit, limit))
    with suppress(PermissionError):
        os.setuid(0)
        raise OSError("root was not given up")


def _mount_and_collect(job: Job) -> int:
    try:
        mount.own_namespace()
        kind = mount.mount_read_only(job.device, job.target, uid=job.uid, gid=job.gid)
    except OSError as error:
        logger.warning("%s cannot be mounted: %s", job.device, error)
        return UNREADABLE
    return _collect(job, job.target, kind)


def _tell_unreadable(job: Job) -> int:
    """A batch whose only entry is that the stick could not be read: the folder to mount on is gone by now."""
    return _collect(job, job.target / "unreadable", "unreadable")


def _collect(job: Job, source: Path, kind: str) -> int:
    give_up_root(job.uid, job.gid)
    batch = collect(source, Path(f"/proc/self/fd/{job.inbox}"), name=job.batch, limits=job.limits)
    left_out = len(batch.left_out) + batch.left_out_more
    logger.info("%s (%s): %d files as %s, %d left out", job.device, kind, len(batch.files), batch.path.name, left_out)
    return COLLECTED


def _be_child(work: Callable[[], int]) -> None:
    """Never returns: whatever happens ends this process, not the parent's code in it."""
    code = FAILED
    try:
        mount.die_with_parent()
        code = work()
    except BaseException:
        logger.exception("collecting failed")
    finally:
        logging.shutdown()
        os._exit(code)


def _ended(pidfd: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _exit_code(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else FAILED


def _lock(device: Path) -> bool:
    """Whether the device refused writes before; True too where that cannot be known, so that nobody unlocks it.

    Raise BlockingIOError when the device is in use.
    """
    try:
        return mount.lock_writes(device, True)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise BlockingIOError(error.errno, f"{device} is in use") from error
        logger.warning("%s cannot be locked against writing: %s", device, error)
        return True


def user_and_group(user: str) -> tuple[int, int]:
    """The ids of a user and of its group; ValueError when there is no such user."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"there is no user {user}") from None
    return entry.pw_uid, entry.pw_gid


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="einvoiced-stick", description="Copy track files from a stick to the inbox.")
    parser.add_argument("device", type=Path, metavar="DEVICE", help="the device node of a file system, /dev/sdb1")
    parser.add_argument("--inbox", type=Path, default=INBOX, help=f"where the batch goes ({INBOX})")
    parser.add_argument("--user", default=USER, help=f"who reads the stick ({USER})")
    parser.add_argument("--run", type=Path, default=RUN, help=f"where the folder to mount on is made ({RUN})")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
