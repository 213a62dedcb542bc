"""The journal: a throw-away einvoiced on the journal's disk issues invoices, is killed, and must have kept them all.

It is the installed daemon with the real journal, on a folder, sockets and a movable clock of its own; the box's journal
is never touched. The clock starts an hour before a period and is moved into it, so that the numbers are a new period's.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError, BoxUnreachable, Client, new_key
from einvoiced.journal import entries, store
from einvoiced.journal.transaction import NEEDED_MIB
from einvoiced.rules.period import TAIPEI, Period
from hw_tests.bench import Bench, Figure, Outcome, Skip, percentiles

INVOICES, TILLS = 400, 8
SELLER = "24634102"
START_SECONDS = 60.0
ROOM_MIB = 64
"""What the soak may write; it does not run where that could make the real box refuse."""

SALE: dict[str, Any] = {
    "lines": [{"description": "測試", "quantity": 1, "unit_price": 25}],
    "total_amount": 25,
    "prices": "gross",
    "print": "till",
}


class Lost(Exception):
    """The journal did not keep its word; the text says how."""


def run(bench: Bench) -> Outcome:
    """Issue from several tills at once, kill, start again, repeat every key, stop, check the whole chain."""
    with bench.scratch() as folder:
        free = shutil.disk_usage(folder).free >> 20
        if free < NEEDED_MIB + ROOM_MIB:
            raise Skip(f"only {free} MiB are free; the soak needs {NEEDED_MIB + ROOM_MIB}")
        try:
            figures = _soak(folder)
        except Lost as error:
            return Outcome("fail", str(error))
        except (BoxError, BoxUnreachable, TimeoutError) as error:
            return Outcome("fail", f"the throw-away box did not work: {error}\n{_log(folder)}")
    rate, kept = figures["invoices_per_second"], figures["invoices"]
    return Outcome("pass", f"{kept} invoices, {rate} a second; all kept over a kill, chain whole", figures)


def _soak(folder: Path) -> dict[str, Figure]:
    period = Period.of(datetime.now(TAIPEI)).next()
    _write_config(folder)
    _set_clock(folder, period.begins - timedelta(hours=1))
    with _daemon(folder) as (process, sockets):
        _import(sockets, period)
        _set_clock(folder, period.begins + timedelta(minutes=1))
        begin = time.monotonic()
        issued, times = _issue_all(sockets)
        seconds = time.monotonic() - begin
        process.kill()
    _set_clock(folder, period.begins + timedelta(minutes=30))
    with _daemon(folder) as (process, sockets):
        _repeat_all(sockets, issued)
        process.terminate()
        process.wait(START_SECONDS)
    count = check_chain(folder / "state" / "journal", len(issued))
    return {
        "invoices": len(issued),
        "invoices_per_second": round(len(issued) / seconds, 1),
        **percentiles(times),
        "entries": count,
    }


def _issue_all(sockets: Path) -> tuple[dict[str, bytes], list[float]]:
    """Every key with the bytes of its result, and the seconds each took."""

    def till(_number: int) -> list[tuple[str, bytes, float]]:
        with Client(str(sockets / "till.sock"), timeout=30) as box:
            return [_issue(box, new_key()) for _ in range(INVOICES // TILLS)]

    with ThreadPoolExecutor(TILLS) as pool:
        answers = [answer for part in pool.map(till, range(TILLS)) for answer in part]
    issued = {key: result for key, result, _ in answers}
    numbers = {_number(result) for result in issued.values()}
    if len(numbers) != len(issued):
        raise Lost(f"{len(issued)} sales got only {len(numbers)} numbers")
    return issued, [seconds for _, _, seconds in answers]


def _issue(box: Client, key: str) -> tuple[str, bytes, float]:
    begin = time.monotonic()
    line = box.call_line("invoice.issue", {"key": key, **SALE})
    return key, line.partition(b'"result":')[2].removesuffix(b"}"), time.monotonic() - begin


def _repeat_all(sockets: Path, issued: dict[str, bytes]) -> None:
    """The same keys after the kill: the same bytes, or Lost."""
    with Client(str(sockets / "till.sock"), timeout=30) as box:
        for key, result in issued.items():
            if _issue(box, key)[1] != result:
                raise Lost(f"{_number(result)} was acknowledged and is another after a kill")


def _number(result: bytes) -> str:
    try:
        return str(json.loads(result)["invoice"]["invoice_number"])
    except (ValueError, TypeError, KeyError):
        raise Lost(f"an answer without an invoice: {result[:100]!r}") from None


def check_chain(directory: Path, invoices: int) -> int:
    """Every link of a stopped journal and its number of invoices; Lost where one is wrong, else the entries' count."""
    database = sqlite3.connect(directory / store.FILE)
    try:
        previous, count, found = entries.NO_PREVIOUS, 0, 0
        for (body,) in database.execute("SELECT body FROM entries ORDER BY sequence"):
            envelope = entries.read(body)
            count += 1
            if envelope.previous != previous or envelope.sequence != count:
                raise Lost(f"the chain breaks at entry {count}")
            previous = entries.digest(body)
            found += envelope.type == entries.InvoiceIssued.TYPE
    except sqlite3.DatabaseError as error:
        raise Lost(f"the journal cannot be read: {error}") from None
    finally:
        database.close()
    if found != invoices:
        raise Lost(f"{invoices} invoices were acknowledged, the journal holds {found}")
    return count


# -- the throw-away box ------------------------------------------------------------------------------------------------


def _write_config(folder: Path) -> None:
    (folder / "state").mkdir()
    key = folder / "qr.key"
    key.write_text("0" * 32)
    key.chmod(0o600)
    (folder / "einvoiced.toml").write_text(
        f'[seller]\nidentifier = "{SELLER}"\nname = "測試"\n[box]\nid = "HW"\n'
        '[tracks]\nshare = "1/1"\n[qr]\nkey_file = "qr.key"\n'
        f'[clock]\nkind = "virtual"\nfile = "{folder / "clock.json"}"\n',
        encoding="utf-8",
    )


def _set_clock(folder: Path, moment: datetime) -> None:
    aside = folder / ".clock.json"
    aside.write_text(json.dumps({"set": moment.isoformat(), "synchronised": True}))
    aside.replace(folder / "clock.json")


def _import(sockets: Path, period: Period) -> None:
    last = -(-INVOICES // 50) * 50 - 1
    row = f"{SELLER},7,一般稅額計算,{period.csv_form},ZZ,00000000,{last:08d}\r\n"
    with Client(str(sockets / "admin.sock"), timeout=30) as box:
        box.call("tracks.import", file_name="hw-tests.csv", content=base64.b64encode(row.encode()).decode())


@contextmanager
def _daemon(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A running daemon and the folder of its sockets; it is ended in any case, whatever happens."""
    sockets = Path(tempfile.mkdtemp(prefix="hw-tests-"))
    command = ["nice", "-n", "10", sys.executable, "-m", "einvoiced", "--config", str(folder / "einvoiced.toml")]
    command += ["--state", str(folder / "state"), "--run", str(sockets)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(process, sockets)
        yield process, sockets
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(sockets, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], sockets: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            for name in ("till", "admin"):
                with Client(str(sockets / f"{name}.sock"), timeout=10) as box:
                    box.call("box.status")
            return
        except BoxUnreachable:
            time.sleep(0.05)
    raise TimeoutError(f"it did not answer (exit code {process.poll()})")


def _log(folder: Path) -> str:
    try:
        return (folder / "log").read_text(encoding="utf-8", errors="replace")[-1000:]
    except OSError:
        return ""
