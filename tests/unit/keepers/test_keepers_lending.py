"""The printer lent to a technician's test beside a running box, the lamps shown to one, and the status on paper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from einvoiced import cli
from einvoiced.actions.box import Box
from einvoiced.client import BoxError, new_key
from einvoiced.errors import PrinterLent
from einvoiced.hardware.addresses import addresses
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.hardware.holders import holders
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import serve_pty
from einvoiced.journal.entries import Peer
from einvoiced.keepers.boot_slip import wanted
from einvoiced.keepers.lending import Lending
from tests.boxes import RANGE, until
from tests.conftest import boxes_of
from tools.virtualbox import VirtualBox

SALE = {"lines": [{"description": "牛奶", "quantity": 1, "unit_price": 25}], "total_amount": 25}


def ready(box: VirtualBox) -> VirtualBox:
    """The box, once its printer is ready."""
    until(lambda: box.status()["printer"] == "ready", 20, "the printer")
    return box


def waiting(box: VirtualBox) -> int:
    """Proofs that wait."""
    return int(box.status()["counts"]["proofs_waiting"])


@pytest.fixture(scope="module")
def queueing(request: pytest.FixtureRequest) -> Iterator[VirtualBox]:
    """A running box that issues while its printer is away."""
    for make in boxes_of(request.node):
        box = make(printer={"if_unprintable": "queue"})
        box.start()
        box.take_tracks(RANGE)
        yield ready(box)


def test_originals_wait_while_the_printer_is_lent(queueing: VirtualBox) -> None:
    """A sale in between is issued, its proof held, and printed once after the printer was given back."""
    with queueing.client("admin") as technician, queueing.client() as till:
        lent = technician.call("printer.lend", borrower="hw-tests", seconds=60)
        assert lent["printer"] == "virtual"
        before = len(queueing.prints())
        till.issue(new_key(), **SALE)
        status = queueing.status()
        assert (status["printer"], status["can_print"]) == ("lent", False)
        assert "printer_lent" in [warning["name"] for warning in status["warnings"]]
        assert (waiting(queueing), len(queueing.prints())) == (1, before)
        assert technician.call("printer.return")["given"] is True
    until(lambda: not waiting(queueing), 10, "the proof")
    assert len(queueing.prints()) == before + 1


def test_a_sale_is_refused_with_the_reason(box: VirtualBox) -> None:
    """Where paper is wanted before a number is taken, the till hears that the printer is being tested."""
    ready(box)
    with box.client("admin") as technician, box.client() as till:
        technician.call("printer.lend", borrower="hw-tests")
        with pytest.raises(BoxError) as refused:
            till.call("invoice.issue", key=new_key(), prices="gross", **SALE)
    assert "technician" in str(refused.value)
    assert box.status()["counts"]["last_number"] is None


def test_a_borrower_that_hangs_up_has_it_no_longer(queueing: VirtualBox) -> None:
    """The end of the connection is enough: what waited is printed."""
    technician = queueing.client("admin")
    technician.call("printer.lend", borrower="hw-tests", seconds=600)
    with queueing.client() as till:
        till.issue(new_key(), **SALE)
    assert waiting(queueing) == 1
    technician.close()
    until(lambda: not waiting(queueing), 10, "the proof")


def test_the_time_of_a_loan_is_over(queueing: VirtualBox) -> None:
    """A borrower that forgets loses the printer all the same; returning it then does nothing."""
    with queueing.client("admin") as technician:
        technician.call("printer.lend", borrower="hw-tests", seconds=1)
        assert queueing.status()["printer"] == "lent"
        ready(queueing)
        assert technician.call("printer.return")["given"] is False


def test_one_borrower_at_a_time(shared_box: VirtualBox) -> None:
    """A second is refused and told who has it; the first may ask for more time."""
    ready(shared_box)
    with shared_box.client("admin") as first, shared_box.client("admin") as second:
        first.call("printer.lend", borrower="陳技師", seconds=60)
        with pytest.raises(BoxError) as refused:
            second.call("printer.lend", borrower="other")
        assert (refused.value.name, "陳技師" in str(refused.value)) == ("printer_lent", True)
        assert second.call("printer.return")["given"] is False
        first.call("printer.lend", borrower="陳技師", seconds=120)
        first.call("printer.return")


class Printing:
    """A desk whose printer is in a strip: who wants it waits until the test answers."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[str]] = []
        self.taken_back = 0

    async def lend(self) -> str:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return await self.waiting[-1]

    def take_back(self, *, clean: bool) -> None:
        self.taken_back += 1


def test_who_gave_up_waiting_takes_nothing_from_the_next() -> None:
    """A borrower's line is cut while it waits for a strip to end: when its wait is over the next one's loan goes on."""

    async def main() -> None:
        desk = Printing()
        lending = Lending(Box(VirtualClock(), Path()), desk)
        first, second = (Peer("admin", 0, 0, pid) for pid in (1, 2))
        waits = asyncio.create_task(lending.lend("first", 60, first))
        await asyncio.sleep(0)
        lending.gone(first)
        lent = asyncio.create_task(lending.lend("second", 60, second))
        await asyncio.sleep(0)
        desk.waiting[1].set_result("virtual")
        await lent
        desk.waiting[0].set_exception(PrinterLent(detail="it is printing", detail_zh="列印中"))
        await asyncio.gather(waits, return_exceptions=True)
        assert (desk.taken_back, lending.give_back(True, second).given) == (1, True)

    asyncio.run(main())


def test_tills_may_not_borrow(shared_box: VirtualBox) -> None:
    """The verb belongs to the admin's socket."""
    with shared_box.client() as till, pytest.raises(BoxError) as refused:
        till.call("printer.lend", borrower="till")
    assert refused.value.name == "method_not_found"


def test_the_device_is_really_closed(make_box: Callable[..., VirtualBox]) -> None:
    """While it is lent the daemon has the tty not open; afterwards it has again."""
    emulator = Emulator()
    path, stop = serve_pty(emulator)
    box = make_box(printer={"transport": "serial", "device": path})
    try:
        box.start()
        ready(box)
        assert box.process is not None
        daemon = box.process.pid
        assert daemon in [holder.pid for holder in holders(Path(path)).found]
        with box.client("admin") as technician:
            technician.call("printer.lend", borrower="hw-tests")
            assert daemon not in [holder.pid for holder in holders(Path(path)).found]
        ready(box)
        assert daemon in [holder.pid for holder in holders(Path(path)).found]
    finally:
        box.close()
        stop()


def test_a_pattern_is_shown_for_a_moment(shared_box: VirtualBox) -> None:
    """The lamps show what the technician asked for when the answer comes, then again the state of the shared_box."""
    lamps = shared_box.folder / "lamps.json"

    def state() -> str:
        return str(json.loads(lamps.read_text())["state"])

    ready(shared_box)
    until(lambda: state() == "ready", 10, "the box to be ready")
    assert shared_box.call("lamps.show", state="stop", seconds=60) == {"state": "stop", "seconds": 60}
    assert state() == "stop"
    shared_box.call("lamps.show", state="stop", seconds=0)
    until(lambda: state() == "ready", 5, "the box's own state")


@pytest.mark.parametrize(
    ("method", "params"),
    [("lamps.show", {"state": "ready", "seconds": 61}), ("printer.lend", {"borrower": "x", "seconds": 601})],
)
def test_a_loan_has_bounds(method: str, params: dict[str, object], shared_box: VirtualBox) -> None:
    """Nobody takes lamps or printer away for hours."""
    with pytest.raises(BoxError) as refused:
        shared_box.call(method, **params)
    assert refused.value.name == "invalid_params"


# -- the status on paper -----------------------------------------------------------------------------------------------


def test_the_status_is_printed_on_request(shared_box: VirtualBox, capsys: pytest.CaptureFixture[str]) -> None:
    """One slip; the answer is the same as without it."""
    ready(shared_box)
    before = len(shared_box.prints())
    assert cli.main(["--run", str(shared_box.run), "status", "--print"]) == 0
    assert "numbers left    2500" in capsys.readouterr().out
    until(lambda: len(shared_box.prints()) == before + 1, 10, "the slip")


def test_a_box_without_a_printer_says_so(make_box: Callable[..., VirtualBox]) -> None:
    """Asked for a slip, it refuses; asked without, it answers."""
    box = make_box(printer={"transport": "none"})
    box.start()
    with pytest.raises(BoxError) as refused:
        box.call("box.status", print=True)
    assert refused.value.name == "no_printer"
    assert box.status()["printer"] == "none"


def test_the_first_start_prints_once(make_box: Callable[..., VirtualBox]) -> None:
    """The box's first start with a printer prints its slip; a restart does not."""
    box = make_box(box={"boot_slip": "first"})
    box.start()
    until(lambda: len(box.prints()) == 1, 20, "the boot slip")
    box.stop()
    box.start()
    ready(box)
    box.call("box.status", print=True)
    until(lambda: len(box.prints()) == 2, 10, "the slip on request")
    assert (box.state / "boot-slip").exists()


def test_a_boot_slip_waits_for_the_printer(make_box: Callable[..., VirtualBox], tmp_path: Path) -> None:
    """Without its printer nothing is printed or noted; plugged in later, the slip comes."""
    link = tmp_path / "printer"
    box = make_box(box={"boot_slip": "always"}, printer={"transport": "serial", "device": str(link)})
    box.start()
    until(lambda: box.status()["printer"] == "absent", 10, "the missing printer to be noticed")
    assert not (box.state / "boot-slip").exists()
    emulator = Emulator()
    _, stop = serve_pty(emulator, link)
    try:
        until(lambda: emulator.strips_finished == 1, 20, "the boot slip")
    finally:
        box.close()
        stop()


@pytest.mark.parametrize(
    ("mode", "mark", "prints"),
    [
        ("never", None, False),
        ("first", None, True),
        ("first", "other", False),
        ("always", None, True),
        ("always", "other", True),
        ("always", "this", False),
    ],
)
def test_when_a_start_prints(mode: str, mark: str | None, prints: bool, tmp_path: Path) -> None:
    """Once in a life, or once a boot of the machine however often the daemon is started anew."""
    if mark is not None:
        (tmp_path / "boot-slip").write_text(mark)
    assert wanted(mode, tmp_path, "this") is prints  # type: ignore[arg-type]


def test_addresses_are_the_kernels(tmp_path: Path) -> None:
    """Loopback and link-local ones are left out, each is told once."""
    (tmp_path / "fib_trie").write_text(
        "Main:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 192.168.1.20\n     /32 host LOCAL\n"
        "  |-- 192.168.1.255\n     /32 link BROADCAST\nLocal:\n  |-- 192.168.1.20\n     /32 host LOCAL\n"
    )
    (tmp_path / "if_inet6").write_text(
        "20010db8000000000000000000000001 02 40 00 80     eth0\nfe800000000000000000000000000001 02 40 20 80     eth0\n"
    )
    assert addresses(tmp_path) == ["192.168.1.20", "2001:db8::1"]
    assert addresses(tmp_path / "none") == []
