"""The service in its own sandbox on a real systemd: its watchdog, its sockets' rights, what it may touch."""

from __future__ import annotations

import json
import re
import time

from tests.box.counter import CARRIER, UNIT, Counter, sale
from tests.box.hand import ADMIN, TILL, answered
from tests.box.stages import FILES

EXPOSURE = 2.0
"""`systemd-analyze security` may not be above this for the daemon."""

WATCHDOG_SECONDS = 8
WRITABLE = ("/etc", "/usr", "/home", "/root", "/boot", "/srv", "/var/log", "/var/lib", "/run", "/sys/class", "/dev")


def test_the_watchdog_kills_a_hung_daemon(counter: Counter, figures: dict[str, float]) -> None:
    """A daemon that hangs is killed and started; a till that waits or asks again gets its one invoice."""
    counter.machine.sh("mkdir -p /run/systemd/system/einvoiced.service.d")
    drop_in = f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n"
    counter.machine.put("/run/systemd/system/einvoiced.service.d/watchdog.conf", drop_in)
    counter.machine.sh(f"systemctl daemon-reload && systemctl restart {UNIT}", 120)
    used = counter.status()["counts"]["numbers_used_this_period"]
    before = counter.show("MainPID", "NRestarts")
    begin = time.monotonic()
    counter.machine.sh(f"kill -STOP {before['MainPID']}")
    sold = sale(**CARRIER)
    waiting = counter.hand.start_asking([("invoice.issue", sold)], socket=TILL, timeout=90)
    first = answered(counter.hand.finish(waiting, 100)[0])
    figures["hang_to_answer_seconds"] = round(time.monotonic() - begin, 1)
    again = answered(counter.hand.ask([("invoice.issue", sold)])[0])
    assert again == first
    after = counter.show("MainPID", "NRestarts")
    assert after["MainPID"] != before["MainPID"]
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1
    assert "atchdog" in counter.log()
    assert counter.status()["counts"]["numbers_used_this_period"] == used + 1


def test_a_killed_daemon_keeps_its_promises(shared_counter: Counter) -> None:
    """SIGKILL while a till waits: systemd holds the socket, the next daemon answers, and the key has one invoice."""
    sold = sale(**CARRIER)
    first = answered(shared_counter.hand.ask([("invoice.issue", sold)])[0])
    shared_counter.machine.sh(f"systemctl kill --signal=SIGKILL {UNIT}")
    assert answered(shared_counter.hand.ask([("invoice.issue", sold)], timeout=60)[0]) == first


def test_the_sockets_let_in_whom_they_should(shared_counter: Counter) -> None:
    """A till's user reaches the tills' socket only, a technician's the admin's, a stranger none; nobody the journal."""
    machine = shared_counter.machine
    machine.put("/run/three-users.py", (FILES / "three_users.py").read_bytes())
    found = json.loads(machine.sh("python3 /run/three-users.py", 60))
    assert found["till"][TILL] == "answered"
    assert found["admin"][ADMIN] == "answered"
    denied = {(user, path) for user, paths in found.items() for path, what in paths.items() if what == "denied"}
    journal = "/var/lib/einvoiced/journal/journal.db"
    expected = {("till", ADMIN), ("admin", TILL), ("stranger", TILL), ("stranger", ADMIN)}
    assert denied == expected | {(user, journal) for user in found}, found


def test_time_pins_printer_and_journal_in_the_sandbox(shared_counter: Counter, figures: dict[str, float]) -> None:
    """In the unit's own sandbox the clock's state is known, pins are driven, paper is printed, the journal keeps."""
    counter = shared_counter
    assert counter.status()["clock_trusted"]
    counter.set_clock(time.time(), synchronised=False)
    assert not counter.status()["clock_trusted"]
    counter.set_clock(time.time(), synchronised=True)
    strips = len(counter.printer.finished)
    counter.until_status(lambda status: status["can_print"])
    invoice = counter.issue()
    counter.until_strips(strips + 1)
    shown = counter.hand.call("invoice.get", {"invoice_number": invoice["invoice_number"]})
    assert shown["result"]["invoice"] == invoice
    assert "no lamps" not in counter.log()
    counter.hand.call("lamps.show", {"state": "ready", "seconds": 5})
    assert any(look.green for look in counter.lamps(3))
    peak = int(counter.show("MemoryCurrent")["MemoryCurrent"]) / (1 << 20)
    figures["daemon_memory_mib"] = round(peak, 1)
    assert peak < 256


def test_the_sandbox_holds(shared_counter: Counter, figures: dict[str, float]) -> None:
    """No privilege, no way to write anywhere else, no network; systemd's own measure of the exposure is at most 2.0."""
    machine = shared_counter.machine
    pid = shared_counter.show("MainPID")["MainPID"]
    status = machine.sh(f"cat /proc/{pid}/status")
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    inside = f"nsenter --target {pid} --mount setpriv --reuid einvoiced --regid einvoiced --clear-groups"
    for folder in WRITABLE:
        assert machine.run(f"{inside} touch {folder}/trace").code != 0, folder
    assert machine.run(f"{inside} touch /var/lib/einvoiced/trace && rm /var/lib/einvoiced/trace").code == 0
    for unit in ("einvoiced", "einvoiced-stick@", "einvoiced-mirror"):
        instance = "sda1" if unit.endswith("@") else ""
        told = machine.run(f"systemd-analyze security --no-pager {unit}{instance}.service", 60).out
        measured = re.search(r"exposure level for \S+: ([0-9.]+)", told)
        assert measured, told
        figures[f"exposure.{unit}"] = float(measured[1])
    assert figures["exposure.einvoiced"] <= EXPOSURE


def test_the_disk_is_full(shared_counter: Counter) -> None:
    """A full disk refuses before anything is half done, says so on the lamps, and recovers when there is room."""
    counter = shared_counter
    counter.machine.sh("fallocate -l $(( $(df --output=avail -B1 /var/lib | tail -n 1) - 50000000 )) /var/fill")
    used = counter.status()["counts"]["numbers_used_this_period"]
    answer = counter.hand.ask([("invoice.issue", sale(**CARRIER))])[0]
    assert answer["error"]["data"]["name"] == "disk_nearly_full", answer
    counter.until_status(lambda status: status["lamps"] == "stop" and not status["can_issue"])
    counter.machine.sh("rm /var/fill")
    deadline = time.monotonic() + 30
    while "error" in (answer := counter.hand.ask([("invoice.issue", sale(**CARRIER))])[0]):
        assert time.monotonic() < deadline, answer
    assert counter.status()["counts"]["numbers_used_this_period"] == used + 1
