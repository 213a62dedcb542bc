"""A shop's box from `apt install` to `apt purge`, in this order, under a real systemd and in the units' own sandbox."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.package.nspawn import Container
from tools.virtualbox import HEADER, QR_KEY, SELLER

Variant = Callable[[str, int | None], Path]
STATE = "/var/lib/einvoiced"
PRINTER = "/run/printer/port"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades /root/{}"
TILL = """
import os, sys, time
from datetime import datetime, timedelta, timezone
from einvoiced.client import Client, new_key
line = [{"description": "牛奶", "quantity": 1, "unit_price": 25}]
while True:
    begin = time.monotonic()
    with Client("/run/einvoice/till.sock", timeout=60) as box:
        now = datetime.now(timezone(timedelta(hours=8))).isoformat()
        sale = {"prices": "gross", "lines": line, "total_amount": 25, "till_time": now, "print": sys.argv[1]}
        found = box.call("invoice.issue", key=new_key(), **sale)
    print(found["invoice"]["invoice_number"], round(time.monotonic() - begin, 3), flush=True)
    if sys.argv[1] != "none" or os.path.exists("/run/closed"):
        break
    time.sleep(0.02)
"""


def status(machine: Container) -> dict[str, Any]:
    """What the box says of itself."""
    found: dict[str, Any] = json.loads(machine.run("einvoicectl --json status"))
    return found


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Until it holds; AssertionError after the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def install(machine: Container, package: Path) -> str:
    """`apt install ./…deb`."""
    machine.put(package)
    return machine.run(INSTALL.format(package.name))


def starts(machine: Container) -> set[str]:
    """When the daemon and its follower were started."""
    show = "systemctl show -p ExecMainStartTimestampMonotonic --value"
    return set(machine.run(f"{show} einvoiced.service; {show} einvoiced-mirror.service").split())


def till(paper: str) -> str:
    """A till that sells, as a user whose only right is the tills' group: once with paper, without until /run/closed."""
    return f"runuser -u till -- /usr/lib/einvoiced/venv/bin/python3 /root/till.py {paper}"


def test_installing_ends_with_a_running_box_that_says_it_is_not_configured(machine: Container, deb: Path) -> None:
    """Active and READY, sockets with their groups, status and systemd's STATUS say what is missing and what to do."""
    told = install(machine, deb)
    assert "einvoicectl setup" in told
    assert machine.run("systemctl is-active einvoiced.service einvoiced-till.socket").split() == ["active", "active"]
    found = status(machine)
    assert not found["can_issue"]
    assert "config_error" in {lock["name"] for lock in found["locks"]}
    assert "einvoicectl setup" in found["sentence"]
    assert "einvoicectl setup" in machine.run("systemctl show -p StatusText einvoiced.service")
    listed = machine.run("stat -c '%a %U %G %n' /run/einvoice/*.sock")
    assert "660 root einvoice-till /run/einvoice/till.sock" in listed
    assert "660 root einvoice-admin /run/einvoice/admin.sock" in listed
    assert machine.run("systemctl --failed --no-legend").strip() == ""
    resident = machine.run("grep VmRSS /proc/$(systemctl show -p MainPID --value einvoiced.service)/status")
    assert int(resident.split()[1]) < 256 << 10


def test_every_program_runs_and_nothing_can_be_installed_into_it(machine: Container) -> None:
    """Each link in /usr/bin shows its help with Debian's own Python, and its manual page has its options; the venv has
    no pip and is compiled.
    """
    programs = machine.run("dpkg -L einvoiced | grep ^/usr/bin/.").split()
    assert {"/usr/bin/einvoiced", "/usr/bin/einvoicectl", "/usr/bin/hw-tests"} <= set(programs)
    for program in programs:
        told = machine.run(f"PYTHONPATH=/nowhere {program} --help")
        assert "usage" in told.lower()
        page = machine.run(f"zcat /usr/share/man/man[18]/{Path(program).name}.[18].gz").replace("\\-", "-")
        options = set(re.findall(r"\\fB(--[a-z-]+)", page))
        assert set(re.findall(r"--[a-z-]+", told)) - {"--help"} <= options, program
    page = machine.run("zcat /usr/share/man/man1/einvoicectl.1.gz").replace("\\-", "-")
    assert "COMMAND \\fI\\,'einvoicectl journal verify'" in page
    python = "/usr/lib/einvoiced/venv/bin/python3"
    assert "No module named pip" in machine.run(f"{python} -m pip --version", check=False)
    heavy = "escpos.printer,PIL,gpiozero,lgpio,pyudev,serial,segno,cryptography,lxml.etree,sqlite_utils,msgspec"
    machine.run(f"cd /run && LG_WD=/tmp {python} -c 'import {heavy}'")
    assert machine.run("find /usr/lib/einvoiced -name '*.pyc' -newer /usr/bin/einvoiced | head -1").strip() == ""


def test_setup_starts_it_and_its_printer_works_inside_the_sandbox(machine: Container) -> None:
    """`setup --yes` from an answers file: the box is configured and the test strip is printed by the service."""
    machine.run(
        "mkdir -p /run/printer /root/paper && useradd -G einvoice-till till && "
        "systemd-run -q --unit=printer /bin/sh -c "
        f"'sleep 100000 | einvoiced-printer --pty {PRINTER} --paper /root/paper --process-id' && "
        f"for n in $(seq 100); do [ -e {PRINTER} ] && break; sleep 0.1; done && chmod 666 $(readlink {PRINTER})"
    )
    told = machine.run(
        f"einvoicectl setup --yes --identifier {SELLER} --name 示範商店 --share 1/1 --key-file - "
        f"--printer serial:{PRINTER} --profile epson-tm-t88 --roll 57",
        stdin=QR_KEY + "\n",
    )
    assert "測試單已印出" in told, told
    assert machine.run("ls /root/paper").split()
    assert machine.run("stat -c '%a %U' /etc/credstore/einvoiced.qr-key").split() == ["600", "root"]
    assert QR_KEY not in machine.run("journalctl --no-pager; cat /etc/einvoiced/einvoiced.toml")


def test_clock_journal_and_paper_inside_the_sandbox(machine: Container) -> None:
    """The clock's state is what the kernel says outside; a till's invoice is in the journal and on paper."""
    ask = (
        "from einvoiced.hardware.clock.system import SystemClock as C; print(C().synchronised() or C().rtc_agrees(2.0))"
    )
    outside = machine.run(f'/usr/lib/einvoiced/venv/bin/python3 -c "{ask}"').strip() == "True"
    assert status(machine)["clock_trusted"] == outside
    roc, month = machine.run("TZ=Asia/Taipei date '+%Y %m'").split()
    year, first = int(roc) - 1911, (int(month) - 1) // 2 * 2 + 1
    rows = f"{HEADER}\n{SELLER},07,一般稅額計算,{year}/{first:02} ~ {year}/{first + 1:02},NQ,42519550,42522049\n"
    machine.run("cat > /root/tracks.csv", stdin=rows)
    machine.run("einvoicectl tracks import /root/tracks.csv")
    machine.run("einvoicectl tracks release NQ 42519550 --last-used none --technician 測試", check=False)
    machine.run("cat > /root/till.py", stdin=TILL)
    machine.run("chmod 755 /root && chmod 644 /root/till.py")
    number = machine.run(till("box")).split()[0]
    assert number.startswith("NQ425")

    def printed() -> bool:
        shown = json.loads(machine.run(f"einvoicectl --json invoice show {number}"))
        return "printed" in json.dumps(shown)

    wait_for(printed, f"{number} was never printed")
    assert "no fault" in machine.run("einvoicectl journal verify", check=False) or machine.run(
        "einvoicectl journal verify"
    )


def test_setup_starts_a_follower_that_is_configured(machine: Container) -> None:
    """The mirror: made, named in an answers file, running in its own sandbox, and it holds every entry."""
    machine.run("install -d -o einvoiced -g einvoiced /srv/copy")
    machine.run("einvoicectl mirror init /srv/copy --same-disk")
    machine.run("chown -R einvoiced: /srv/copy")
    answers = '[mirror]\ndirectory = "/srv/copy"\nrequired = false\n'
    machine.run("cat > /root/answers.toml", stdin=answers)
    machine.run("einvoicectl setup --yes --answers /root/answers.toml")
    assert machine.run("systemctl is-active einvoiced-mirror.service").strip() == "active"
    wait_for(lambda: int(machine.run("cat /srv/copy/*.jsonl 2>/dev/null | wc -l")) > 5, "nothing was ever copied")


def test_an_upgrade_loses_no_till_and_keeps_journal_and_configuration(machine: Container, variant: Variant) -> None:
    """While a till sells without a pause: every sale is answered, the numbers go on, file and journal id stay."""
    before, file = status(machine), machine.run("cat /etc/einvoiced/einvoiced.toml")
    started = starts(machine)
    newer = variant("99.0", None)
    machine.put(newer)
    selling = subprocess.Popen(
        machine.command(till("none")), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    machine.run(INSTALL.format(newer.name))
    wait_for(lambda: status(machine)["can_issue"], "the new version does not issue")
    machine.run("touch /run/closed")
    told, _ = selling.communicate(timeout=120)
    assert selling.returncode == 0, told
    numbers = [int(line.split()[0][2:]) for line in told.splitlines()]
    assert len(numbers) > 20
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert not starts(machine) & started, "the daemon and its follower were started anew"
    assert machine.run("cat /etc/einvoiced/einvoiced.toml") == file
    after = status(machine)
    assert after["counts"]["last_number"].endswith(f"{numbers[-1]:08d}")
    assert before["counts"] is not None
    slowest = max(float(line.split()[1]) for line in told.splitlines())
    print(f"slowest sale during the upgrade: {slowest} s of {len(numbers)}")


def test_a_downgrade_that_cannot_read_the_journal_is_refused(machine: Container, variant: Variant) -> None:
    """Refused with the reason before anything is unpacked; the installed version goes on with the same journal."""
    older = variant("0.0.1", 0)
    machine.put(older)
    last = status(machine)["counts"]["last_number"]
    told = machine.run(INSTALL.format(older.name), check=False)
    assert "refused" in told
    assert "拒絕安裝" in told
    assert machine.run("dpkg-query -Wf '${Version} ${db:Status-Status}' einvoiced") == "99.0 installed"
    assert machine.run("systemctl is-active einvoiced.service").strip() == "active"
    assert status(machine)["counts"]["last_number"] == last


def test_an_installation_that_is_cut_off_stops_no_till(machine: Container, variant: Variant) -> None:
    """dpkg is killed while it unpacks: the box sells on, the doctor names it and the cure (tried by the next test)."""
    older = variant("0.0.2", None)
    machine.put(older)
    machine.run(
        f"dpkg -i --force-downgrade /root/{older.name} & "
        "until [ -e /usr/lib/systemd/system/einvoiced.service.dpkg-new ]; do kill -0 $! || exit 1; sleep 0.01; done; "
        "kill -9 $!; wait $!; true"
    )
    machine.run(till("box"))
    told = json.loads(machine.run("einvoicectl --json doctor", check=False))["findings"]
    found = [finding for finding in told if finding["check"] == "package"]
    assert [finding["level"] for finding in found] == ["problem"]
    assert "half-installed" in found[0]["en"]
    assert found[0]["cure"] == "dpkg -i ./einvoiced_*.deb"


def test_a_downgrade_that_can_read_it_is_taken(machine: Container) -> None:
    """The same format: the older version goes on with the journal; the doctor's cure mends what was cut off before."""
    last = status(machine)["counts"]["last_number"]
    machine.run("dpkg -i /root/einvoiced_0.0.2_all.deb")
    assert status(machine)["counts"]["last_number"] == last
    assert machine.run("dpkg-query -Wf '${Version} ${db:Status-Status}' einvoiced") == "0.0.2 installed"


def test_nothing_runs_after_removal_and_the_journal_is_kept(machine: Container, deb: Path) -> None:
    """No unit, no socket; installed again the box goes on where it was, and so does its follower."""
    last = status(machine)["counts"]["last_number"]
    machine.run("apt-get remove -y einvoiced")
    assert machine.run("systemctl list-units --no-legend 'einvoice*'").strip() == ""
    assert machine.run("find /proc -maxdepth 1 -user einvoiced", check=False).strip() == ""
    install(machine, deb)
    assert status(machine)["counts"]["last_number"] == last
    assert machine.run("systemctl is-active einvoiced-mirror.service").strip() == "active"


def test_purge_keeps_the_journal_until_it_is_named(machine: Container, deb: Path) -> None:
    """purge keeps it; a wrong name keeps it; only its own name deletes it, with configuration and key."""
    journal = json.loads(machine.run(f"cat {STATE}/beside-journal.json"))["journal"]
    assert "KEPT" in machine.run("apt-get purge -y einvoiced")
    install(machine, deb)
    assert "KEPT" in machine.run("EINVOICED_PURGE_JOURNAL=delete-me apt-get purge -y einvoiced")
    assert machine.run(f"ls {STATE}/journal /etc/einvoiced").count("journal.db")
    install(machine, deb)
    told = machine.run(f"EINVOICED_PURGE_JOURNAL=delete-{journal} apt-get purge -y einvoiced")
    assert journal in told
    assert machine.run(f"ls -d {STATE} /etc/einvoiced /etc/credstore/einvoiced.qr-key 2>/dev/null", check=False) == ""


def test_a_new_installation_is_a_new_box(machine: Container, deb: Path) -> None:
    """After all that: running, not configured, another journal."""
    install(machine, deb)
    assert machine.run("systemctl is-active einvoiced.service").strip() == "active"
    assert status(machine)["counts"]["last_number"] is None
