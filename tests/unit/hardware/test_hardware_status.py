"""Three values: yes, no, unknown; silence and nonsense are never taken for an answer."""

import time

import pytest
from hardware_helpers import raster
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.hardware.printer import PrinterUnavailable
from einvoiced.hardware.printer.confirm import (
    SENSOR_COMMAND,
    process_id_answer,
    process_id_command,
    process_id_token,
    says_sensor,
    wait_for_process_id,
    wait_in_order,
)
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.status import Answer, PrinterStatus, all_unknown, fits, interpret, query
from einvoiced.hardware.printer.virtual import VirtualTransport

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


class Scripted:
    """A transport that answers each write with the next of its replies, and babbles first if told to."""

    name = "scripted"
    is_open = True

    def __init__(self, replies, stale=b""):
        self.replies = list(replies)
        self.heard = [stale] if stale else []
        self.asked = []

    def open(self):
        pass

    def close(self):
        pass

    def write(self, data, timeout):
        self.asked.append(data)
        self.heard.append(self.replies.pop(0) if self.replies else b"")

    def read(self, timeout):
        return self.heard.pop(0) if self.heard else b""


def opened(emulator):
    transport = VirtualTransport(emulator)
    transport.open()
    return transport


def test_a_well_printer_is_ready():
    """All fields are answered by a printer without faults."""
    assert query(opened(Emulator())) == PrinterStatus(YES, YES, NO, YES, YES, YES, YES)
    assert query(opened(Emulator())).ready is YES


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ("paper_out", PrinterStatus(NO, NO, YES, YES, YES, YES, YES)),
        ("paper_low", PrinterStatus(YES, YES, YES, YES, YES, YES, YES)),
        ("cover_open", PrinterStatus(NO, YES, NO, NO, YES, YES, YES)),
        ("offline", PrinterStatus(NO, YES, NO, YES, YES, YES, YES)),
        ("broken", PrinterStatus(NO, YES, NO, YES, NO, YES, YES)),
        ("cutter_jammed", PrinterStatus(NO, YES, NO, YES, NO, NO, YES)),
        ("hot", PrinterStatus(NO, YES, NO, YES, NO, YES, NO)),
    ],
)
def test_each_fault_shows_in_its_own_field(switch, expected):
    """A fault is told apart from the others; only a low roll leaves the printer ready."""
    emulator = Emulator()
    setattr(emulator, switch, True)
    status = query(opened(emulator))
    assert status == expected
    assert status.ready is (YES if switch == "paper_low" else NO)


def test_silence_is_unknown_and_bounded():
    """A printer that never answers is unknown in every field, within the time given."""
    emulator = Emulator()
    emulator.silent = True
    start = time.monotonic()
    assert query(opened(emulator), timeout=0.4) == all_unknown()
    assert time.monotonic() - start < 1.0
    assert all_unknown().ready is UNKNOWN


def test_a_dead_transport_is_unknown_and_closed():
    """Unplugged or stalled: nothing is raised, nothing is guessed, the transport is closed."""
    emulator = Emulator()
    transport = opened(emulator)
    emulator.stall_after = 0
    assert query(transport, timeout=0.2) == all_unknown()
    assert not transport.is_open
    with pytest.raises(PrinterUnavailable):
        transport.read(0)
    assert query(transport) == all_unknown()


def test_stale_input_is_not_an_answer():
    """What was said before the question is read away."""
    transport = Scripted([b"\x1a", b"\x12", b"\x12", b"\x12"], stale=b"\x12\x12\x12\x12")
    assert query(transport).online is NO
    assert transport.asked == [b"\x10\x04\x01", b"\x10\x04\x04", b"\x10\x04\x02", b"\x10\x04\x03"]


def test_no_question_after_a_silence():
    """A late answer could be taken for the next question's, so the rest stays unknown."""
    transport = Scripted([b"\x12", b""])
    assert query(transport) == PrinterStatus(YES, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    assert len(transport.asked) == 2


@pytest.mark.parametrize(
    "reply", [b"\x00", b"\xff", b"\x11", b"\x13", b"\x10", b"\x92", b"\x12\x12", b"\x14\x00\x00\x0f"]
)
def test_bytes_that_do_not_fit_are_unknown(reply):
    """Zeros, XON, XOFF, automatic status and double answers say nothing, and the other questions go on."""
    status = query(Scripted([reply, b"\x12", b"\x12", b"\x12"]))
    assert status == PrinterStatus(UNKNOWN, YES, NO, YES, YES, YES, YES)
    assert status.ready is UNKNOWN


def test_one_bad_thing_is_enough_for_no():
    """Paper out is "not ready" even when everything else is unknown; a sensor with two opinions is unknown."""
    assert interpret({4: 0x7E}).ready is NO
    assert interpret({4: 0x32}).paper is UNKNOWN
    assert interpret({4: 0x16}).paper_near_end is UNKNOWN
    assert interpret({2: 0x32}).paper is NO
    assert interpret({2: 0x52, 3: 0x12}).error_free is NO


@given(st.integers(0, 255))
def test_the_fixed_bits_decide(byte):
    """Exactly the bytes 0??1??10 fit."""
    text = f"{byte:08b}"
    assert fits(byte) == (text[0] == "0" and text[3] == "1" and text[6] == "1" and text[7] == "0")


def test_confirmation_is_yes_or_unknown():
    """The right token is yes, whatever came before it; another's token, silence or a dead printer is unknown."""
    answer = b"\x37\x22AB12\x00"
    assert wait_for_process_id(Scripted([], stale=b"\x12" + answer), b"AB12", 0.0) is YES
    assert wait_for_process_id(Scripted([], stale=answer), b"AB13", 0.0) is UNKNOWN
    emulator = Emulator(process_id=True)
    emulator.paper_out = True
    transport = opened(emulator)
    transport.write(process_id_command(b"AB12"), 1.0)
    assert wait_for_process_id(transport, b"AB12", 0.05) is UNKNOWN
    transport.unplugged = True
    assert wait_for_process_id(transport, b"AB12", 5.0) is UNKNOWN


@pytest.mark.parametrize("token", [b"", b"ABC", b"ABCDE", b"A\x00BC", b"\xff\xff\xff\xff"])
def test_a_token_is_four_printable_characters(token):
    """Anything else would be cut or ambiguous in the answer."""
    with pytest.raises(ValueError):
        process_id_command(token)


@pytest.mark.parametrize("held", ["paper_out", "cover_open", "powered"])
def test_an_answer_in_order_needs_all_before_it(held):
    """GS r is not answered while what stands before it waits in the printer, or was lost with its power."""
    emulator = Emulator()
    transport = opened(emulator)
    transport.write(b"\x1b@x\n" + SENSOR_COMMAND, 1.0)
    assert wait_in_order(transport, says_sensor, 0.0).confirmed is YES
    setattr(emulator, held, held != "powered")
    transport.write(b"\x1b@x\n" + SENSOR_COMMAND, 1.0)
    begin = time.monotonic()
    verdict = wait_in_order(transport, says_sensor, 5.0 if held != "powered" else 0.3)
    assert verdict.confirmed is UNKNOWN
    assert verdict.status.ready is (UNKNOWN if held == "powered" else NO)
    assert time.monotonic() - begin < 2.0


def test_a_late_answer_in_order_is_still_an_answer():
    """A printer that works on the strip for a while is waited for, and asked in between without confusion."""
    emulator = Emulator()
    emulator.late = 0.7
    transport = opened(emulator)
    transport.write(SENSOR_COMMAND, 1.0)
    assert wait_in_order(transport, says_sensor, 5.0).confirmed is YES


@given(st.integers(0, 255))
def test_only_the_sensors_bytes_are_its_answer(byte):
    """Bits 4 and 7 are 0: never a DLE EOT answer, XON or XOFF."""
    assert says_sensor(bytes([byte])) == (byte & 0x90 == 0)
    assert not (says_sensor(bytes([byte])) and (fits(byte) or byte in (0x11, 0x13)))


@pytest.mark.parametrize("number", [0, 7, 2626, 2222, 6666, 9999, 12345])
def test_a_process_id_is_never_taken_for_a_status(number):
    """No character of it has the fixed bits of a DLE EOT answer, though it arrive in pieces."""
    token = process_id_token(number)
    assert len(token) == 4 and token == process_id_token(number + 10_000)
    assert not any(map(fits, process_id_answer(token)))


def test_answers_to_earlier_questions_are_heard_out():
    """Late answers do not become the next question's: right after the confirmation the printer is known to be ready."""
    emulator = Emulator()
    emulator.late = 0.02
    transport = opened(emulator)
    for _ in range(3):
        transport.write(b"\x10\x04\x01" * 2 + raster(8) + SENSOR_COMMAND, 1.0)
        assert wait_in_order(transport, says_sensor, 5.0, unanswered=2).confirmed is YES
        assert query(transport).ready is YES
