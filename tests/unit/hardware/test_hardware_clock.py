"""Taiwan's time from any machine, honest witnesses, and a clock that tests can move."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from einvoiced.hardware.clock import TAIPEI
from einvoiced.hardware.clock import system as system_module
from einvoiced.hardware.clock.system import SystemClock, read_timex
from einvoiced.hardware.clock.virtual import VirtualClock

MOMENT = datetime(2026, 2, 28, 23, 59, 59, tzinfo=TAIPEI)
SECOND = timedelta(seconds=1)


def test_system_time_is_taipei_whatever_the_zone(monkeypatch):
    """The machine's zone does not matter: aware, +08:00, and the present moment."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        now = SystemClock().now()
        assert before <= now <= datetime.now(UTC)
        assert now.utcoffset() == timedelta(hours=8)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_kernel_is_really_asked():
    """adjtimex answers on this machine, and `synchronised` says what it means."""
    answer = read_timex()
    assert answer is not None
    state, status = answer
    assert 0 <= state <= 5
    assert SystemClock().synchronised() is (state != 5 and not status & 0x40)


@pytest.mark.parametrize(
    ("answer", "expected"), [(None, None), ((5, 0), False), ((0, 0x40), False), ((5, 0x40), False), ((0, 0x2001), True)]
)
def test_unsynchronised_is_told_by_state_or_status(monkeypatch, answer, expected):
    """TIME_ERROR or STA_UNSYNC is False, no answer is None."""
    monkeypatch.setattr(system_module, "read_timex", lambda: answer)
    assert SystemClock().synchronised() is expected


@pytest.mark.parametrize(
    ("offset", "tolerance", "expected"),
    [(0, 2.0, True), (-1, 2.0, True), (30, 2.0, False), (-30, 2.0, False), (-30, 60, True)],
)
def test_rtc_is_compared(tmp_path, offset, tolerance, expected):
    """A hardware clock agrees within the tolerance."""
    (tmp_path / "since_epoch").write_text(f"{int(time.time()) + offset}\n")
    assert SystemClock(tmp_path).rtc_agrees(tolerance) is expected


def test_rtc_that_knows_nothing_is_no_witness(tmp_path):
    """No RTC, an RTC that says its time is invalid, or one that was never set: None, not yes and not no."""
    clock = SystemClock(tmp_path)
    assert clock.rtc_agrees(2.0) is None
    (tmp_path / "since_epoch").write_text("")
    assert clock.rtc_agrees(2.0) is None
    (tmp_path / "since_epoch").write_text("946684800\n")
    assert clock.rtc_agrees(2.0) is None
    assert clock.hardware_clock().set_the_system is False
    (tmp_path / "hctosys").write_text("1\n")
    assert clock.hardware_clock().set_the_system is True


def test_virtual_clock_is_real_time_at_first():
    """A new one runs with the machine and claims to be synchronised."""
    clock = VirtualClock()
    assert abs(clock.now() - SystemClock().now()) < SECOND
    assert clock.now().utcoffset() == timedelta(hours=8)
    assert clock.synchronised() is True
    assert clock.rtc_agrees(2.0) is None


def test_virtual_clock_is_set_moved_and_frozen():
    """It goes where it is put, runs on, stands still exactly, and runs on from there."""
    clock = VirtualClock()
    clock.set(MOMENT)
    first = clock.now()
    assert MOMENT <= first < MOMENT + 5 * SECOND
    assert clock.now() >= first
    clock.freeze()
    clock.set(MOMENT)
    assert clock.now() == clock.now() == MOMENT
    clock.move(1)
    assert clock.now() == MOMENT + SECOND
    clock.move(-3600)
    clock.run()
    assert MOMENT - 3599 * SECOND <= clock.now() < MOMENT - 3590 * SECOND
    with pytest.raises(ValueError):
        clock.set(datetime(2026, 1, 1))


def test_virtual_witnesses_say_what_they_are_told():
    """synchronised and the RTC take all three values."""
    clock = VirtualClock()
    for value in (False, None, True):
        clock.say_synchronised(value)
        clock.say_rtc(value)
        assert clock.synchronised() is value
        assert clock.rtc_agrees(2.0) is value


def write(path, content):
    aside = path.with_suffix(".new")
    aside.write_text(content)
    os.replace(aside, path)


def test_a_file_moves_the_clock_of_a_running_process(tmp_path):
    """Each change of the file counts at the next question; keys that are missing are as in a new clock."""
    path = tmp_path / "clock.json"
    clock = VirtualClock(path)
    assert abs(clock.now() - SystemClock().now()) < SECOND
    write(path, json.dumps({"set": MOMENT.isoformat(), "frozen": True, "synchronised": False, "rtc": True}))
    assert clock.synchronised() is False
    first = clock.now()
    assert MOMENT <= first < MOMENT + 5 * SECOND
    assert clock.now() == first
    assert clock.rtc_agrees(1.0) is True
    write(path, json.dumps({"offset": -7200}))
    assert abs(clock.now() - SystemClock().now() + timedelta(hours=2)) < SECOND
    assert clock.synchronised() is True
    assert clock.rtc_agrees(1.0) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"set": "yesterday"}', '{"offset": "much"}', '{"set": "2026-01-01T00:00"}']
)
def test_a_file_that_makes_no_sense_changes_nothing(tmp_path, content):
    """A torn or wrong file leaves the clock as it was, and the next good one counts."""
    path = tmp_path / "clock.json"
    clock = VirtualClock(path)
    write(path, json.dumps({"offset": 3600, "synchronised": None}))
    assert clock.synchronised() is None
    write(path, content)
    assert clock.synchronised() is None
    assert abs(clock.now() - SystemClock().now() - timedelta(hours=1)) < SECOND
    write(path, json.dumps({"synchronised": False}))
    assert clock.synchronised() is False
