"""What a technician runs on an installed box: the doctor, hw-tests, the bundle, under a real systemd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.package.nspawn import Container
from tests.package.test_deb import PRINTER, install
from tools.virtualbox import QR_KEY, SELLER


def findings(machine: Container, *levels: str) -> dict[str, list[Any]]:
    """What the doctor says, by check, of these levels; the clock and the stock of a new container left out."""
    told: dict[str, list[Any]] = {}
    for found in json.loads(machine.run("einvoicectl --json doctor", check=False))["findings"]:
        if found["level"] in levels and found["check"] not in ("clock", "stock"):
            told.setdefault(found["check"], []).append(found)
    return told


@pytest.fixture(scope="module")
def box(machine: Container, deb: Path) -> Container:
    """Installed and set up, with an emulated printer, a user of the till, and one who is in no group."""
    install(machine, deb)
    machine.run(
        "mkdir -p /run/printer /root/paper && useradd -G einvoice-till till && useradd stranger && "
        "systemd-run -q --unit=printer /bin/sh -c "
        f"'sleep 100000 | einvoiced-printer --pty {PRINTER} --paper /root/paper --process-id' && "
        f"for n in $(seq 100); do [ -e {PRINTER} ] && break; sleep 0.1; done && chmod 666 $(readlink {PRINTER})"
    )
    machine.run(
        f"einvoicectl setup --yes --identifier {SELLER} --name 示範商店 --share 1/1 --key-file - "
        f"--printer serial:{PRINTER} --profile epson-tm-t88 --roll 57",
        stdin=QR_KEY + "\n",
    )
    return machine


def test_an_installed_box_has_no_problem(box: Container) -> None:
    """Accounts, owners, units, sockets, key, printer and journal are well; a member of the till's group is named."""
    assert findings(box, "problem", "unknown") == {}
    well = findings(box, "ok")
    assert {"package", "config", "key", "accounts", "files", "units", "service", "socket", "journal", "printer"} <= set(
        well
    )
    assert "till" in well["accounts"][0]["en"]


def test_the_doctor_does_not_wake_a_stopped_box(box: Container) -> None:
    """A service that somebody stopped stays stopped, and its journal is examined all the same."""
    box.run("systemctl stop einvoiced")
    told = findings(box, "problem")
    assert list(told) == ["service"]
    assert "systemctl start einvoiced" in told["service"][0]["cure"]
    assert box.run("systemctl is-active einvoiced", check=False).strip() == "inactive"
    assert "journal" in findings(box, "ok")
    box.run("systemctl start einvoiced")


def test_what_a_helpful_person_broke_is_named_with_its_cure(box: Container) -> None:
    """A file of root's, a key that others may read, a socket unit that was disabled, an edited rule of udev; and the
    cures mend them.
    """
    box.run(
        "chown root /var/lib/einvoiced/journal/journal.db; chmod 644 /etc/credstore/einvoiced.qr-key;"
        "systemctl disable einvoiced-till.socket; echo '# mine' >> /usr/lib/udev/rules.d/60-einvoiced.rules"
    )
    wrong, warned = findings(box, "problem"), findings(box, "warning")
    assert "journal/journal.db" in wrong["files"][0]["en"]
    assert "chmod 600" in wrong["key"][0]["cure"]
    assert "einvoiced-till.socket" in warned["units"][0]["en"]
    assert "/usr/lib/udev/rules.d/60-einvoiced.rules" in wrong["package"][0]["en"]
    assert wrong["package"][0]["cure"] == "dpkg -i ./einvoiced_*.deb"
    box.run("sed -i '$d' /usr/lib/udev/rules.d/60-einvoiced.rules")
    for finding in (wrong["files"][0], wrong["key"][0], warned["units"][0]):
        box.run(finding["cure"])
    box.run("for n in $(seq 50); do einvoicectl status >/dev/null 2>&1 && break; sleep 0.2; done")
    assert not {"package", "files", "key", "units"} & set(findings(box, "problem", "warning"))


def test_hw_tests_borrow_the_printer_and_become_the_tills_user(box: Container) -> None:
    """Beside the live service: two strips, the till's user may ask, an outsider may not, the service prints again."""
    report = json.loads(box.run("hw-tests --yes --json printer socket"))
    told = {result["name"]: result for result in report["results"]}
    assert (told["printer"]["verdict"], told["printer"]["figures"]["confirmed"]) == ("pass", True)
    assert (told["socket"]["verdict"], told["socket"]["figures"]["user"]) == ("pass", "till")
    assert told["socket"]["figures"]["outsider_refused"] is True
    box.run("hw-tests --yes --user stranger socket && exit 1 || true")
    box.run(
        'for n in $(seq 50); do einvoicectl --json status | grep -q \'"printer": "ready"\' && break; sleep 0.2; done'
    )
    assert json.loads(box.run("einvoicectl --json status"))["printer"] == "ready"


def test_the_bundle_holds_the_services_log_and_no_key(box: Container) -> None:
    """As root: systemd's journal is in it; the key is nowhere."""
    box.run(
        "rm -rf /root/b && mkdir /root/b && einvoicectl bundle /root/b/b.tar.gz && tar -xzf /root/b/b.tar.gz -C /root/b"
    )
    assert "ready" in box.run("cat /root/b/*/journald.log")
    assert box.run(f"grep -rliE {QR_KEY} /root/b || true").strip() == ""
    assert '"ActiveState": "active"' in box.run("cat /root/b/*/units.json")
