"""Every transport carries all or says how much, within its deadline: over real ptys and sockets to the emulator."""

import errno
import os
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from hardware_helpers import CUT, raster, until

from einvoiced.hardware.printer import PrinterUnavailable, WriteInterrupted, make_transport
from einvoiced.hardware.printer.confirm import process_id_command, wait_for_process_id
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.network import NetworkTransport, split_address
from einvoiced.hardware.printer.serial import SerialTransport, can_take_back
from einvoiced.hardware.printer.status import Answer, query
from einvoiced.hardware.printer.usblp import UsbLpTransport
from einvoiced.hardware.printer.virtual import VirtualTransport, serve_pty, serve_tcp

JOB = b"\x1b@" + b"".join(raster(200, fill=value) for value in (0x55, 0xAA, 0x10, 0x04)) + CUT


class Way:
    """A transport to a running emulator, and the hand that pulls its plug."""

    def __init__(self, transport, emulator, unplug):
        self.transport = transport
        self.emulator = emulator
        self.unplug = unplug


def connect(kind, emulator):
    if kind == "virtual":
        transport = VirtualTransport(emulator)

        def unplug():
            transport.unplugged = True

        return Way(transport, emulator, unplug)
    if kind == "network":
        port, stop = serve_tcp(emulator)
        return Way(NetworkTransport(f"127.0.0.1:{port}"), emulator, stop)
    path, stop = serve_pty(emulator)
    return Way(SerialTransport(path) if kind == "serial" else UsbLpTransport(path), emulator, stop)


@pytest.fixture(params=["virtual", "serial", "usb", "network"])
def way(request):
    way = connect(request.param, Emulator(process_id=True))
    way.transport.open()
    yield way
    way.transport.close()
    way.unplug()


def test_a_job_arrives_whole(way):
    """Forty kilobytes come out as one strip with every byte in its place."""
    way.transport.write(JOB, 10.0)
    assert until(lambda: way.emulator.strips)
    assert way.emulator.bytes_taken == len(JOB)
    assert way.emulator.strips[0].height == 800
    assert way.emulator.unknown == []


def test_closing_after_a_write_loses_nothing(way):
    """What `write` has returned for is printed although the transport is closed at once."""
    way.transport.write(JOB, 10.0)
    way.transport.close()
    assert until(lambda: way.emulator.strips)
    assert way.emulator.bytes_taken == len(JOB)


def test_status_and_confirmation_come_back(way):
    """The way back works too: status bytes and the process id."""
    assert query(way.transport).ready is Answer.YES
    way.emulator.paper_out = True
    assert query(way.transport).paper is Answer.NO
    way.emulator.paper_out = False
    way.transport.write(raster(5) + process_id_command(b"0007"), 2.0)
    assert wait_for_process_id(way.transport, b"0007", 5.0) is Answer.YES


def test_silence_is_empty_and_in_time(way):
    """A read without an answer returns b"" when its time is up, no earlier and not much later."""
    start = time.monotonic()
    assert way.transport.read(0.1) == b""
    assert 0.09 <= time.monotonic() - start < 1.0


def test_a_stalled_printer_costs_the_deadline_and_no_more(way):
    """The write ends in time, says at most how much left, and never less than the printer took."""
    way.emulator.stall_after = 1000
    start = time.monotonic()
    with pytest.raises(WriteInterrupted) as caught:
        way.transport.write(bytes(2_000_000), 0.3)
    assert 0.25 <= time.monotonic() - start < 2.0
    assert not way.transport.is_open
    assert way.emulator.bytes_taken <= caught.value.sent < 2_000_000
    assert way.emulator.bytes_taken <= 1000


def test_after_a_stall_the_printer_can_be_opened_again(way):
    """Open, write, read work again once the printer does."""
    way.emulator.stall_after = 0
    with pytest.raises(WriteInterrupted):
        way.transport.write(bytes(2_000_000), 0.1)
    way.emulator.stall_after = None
    way.transport.open()
    assert until(lambda: query(way.transport).online is Answer.YES)


def test_an_unplugged_printer_is_gone(way):
    """After the plug is pulled, read and write raise, the transport closes, and opening fails again and again."""
    way.unplug()
    with pytest.raises(PrinterUnavailable):
        way.transport.read(2.0)
    assert not way.transport.is_open
    for _ in range(3):
        with pytest.raises(PrinterUnavailable):
            way.transport.open()


def test_writing_to_an_unplugged_printer_sends_nothing(way):
    """A device that is gone before the first byte took surely none."""
    way.unplug()
    with pytest.raises(WriteInterrupted) as caught:
        way.transport.write(JOB, 2.0)
    assert caught.value.sent == 0
    assert not way.transport.is_open


def test_unplugging_in_the_middle_of_a_write_ends_it(way):
    """A plug pulled under way ends the write long before its deadline and never claims that nothing left."""
    way.emulator.stall_after = 3000
    threading.Thread(target=lambda: until(lambda: way.emulator.bytes_taken >= 3000) and way.unplug()).start()
    start = time.monotonic()
    with pytest.raises(WriteInterrupted) as caught:
        way.transport.write(bytes(2_000_000), 20.0)
    assert time.monotonic() - start < 10.0
    assert 3000 <= caught.value.sent < 2_000_000


def test_a_closed_transport_says_so(way):
    """Closing twice is fine; then writing surely sends nothing and reading is impossible."""
    way.transport.close()
    way.transport.close()
    assert not way.transport.is_open
    with pytest.raises(WriteInterrupted) as caught:
        way.transport.write(b"x", 0.1)
    assert caught.value.sent == 0
    assert way.emulator.bytes_taken == 0
    with pytest.raises(PrinterUnavailable):
        way.transport.read(0.0)


def test_open_is_idempotent(way):
    """Opening an open transport changes nothing, and nothing is written by opening or closing."""
    way.transport.open()
    assert way.transport.is_open
    way.transport.close()
    way.transport.open()
    way.transport.write(b"\x10\x04\x01", 1.0)
    assert way.transport.read(2.0) == b"\x12"
    assert way.emulator.bytes_taken == 3


@pytest.mark.parametrize("kind", ["serial", "usb"])
def test_a_device_has_one_owner(kind):
    """A second transport to the same device is refused while the first is open."""
    way = connect(kind, Emulator())
    second = type(way.transport)(way.transport.device)
    way.transport.open()
    with pytest.raises(PrinterUnavailable):
        second.open()
    way.transport.close()
    second.open()
    second.close()
    way.unplug()


@pytest.mark.parametrize("kind", ["serial", "usb"])
def test_a_missing_or_false_device_is_never_created_or_written(kind, tmp_path):
    """No file appears where a device should be, and a regular file is not a printer."""
    missing, regular = tmp_path / "lp0", tmp_path / "file"
    regular.write_bytes(b"untouched")
    for path in (missing, regular, tmp_path):
        with pytest.raises(PrinterUnavailable):
            make_transport(kind, str(path)).open()
    assert not missing.exists()
    assert regular.read_bytes() == b"untouched"


@pytest.mark.parametrize("flow_control", ["rtscts", "xonxoff", "none"])
def test_serial_flow_controls_work_on_a_pty(flow_control):
    """Every flow control can be set where there are no modem lines, and a job with XON and XOFF bytes in it passes."""
    emulator = Emulator()
    path, stop = serve_pty(emulator)
    transport = SerialTransport(path, baudrate=115200, flow_control=flow_control)
    transport.open()
    transport.write(raster(40, fill=0x13) + raster(40, fill=0x11) + CUT, 5.0)
    assert until(lambda: emulator.strips)
    assert emulator.strips[0].height == 80
    transport.close()
    stop()


def test_closing_a_blocked_tty_is_quick():
    """A line whose other side reads nothing does not hold `close`."""
    master, slave = os.openpty()
    transport = SerialTransport(os.ttyname(slave), flow_control="none")
    transport.open()
    start = time.monotonic()
    with pytest.raises(WriteInterrupted):
        transport.write(bytes(1_000_000), 0.1)
    transport.close()
    assert time.monotonic() - start < 2.0
    os.close(master)
    os.close(slave)


def test_usb_port_status_is_unknown_where_the_driver_has_none():
    """A stand-in without LPGETSTATUS gives no verdict on paper rather than a false one."""
    path, stop = serve_pty(Emulator())
    transport = UsbLpTransport(path)
    assert transport.paper_out() is None
    transport.open()
    assert transport.paper_out() is None
    transport.close()
    stop()


@pytest.mark.parametrize(
    ("node", "sure"),
    [("/dev/ttyS0", True), ("/dev/ttyAMA0", True), ("/dev/ttyUSB0", False), ("/dev/ttyACM1", False)],
)
def test_only_a_uarts_queue_can_be_taken_back(node, sure):
    """What is on its way to a USB adapter may be printed: then nobody says that nothing has left."""
    assert can_take_back(Path(node)) is sure


def test_a_usb_write_that_fails_may_have_sent_its_chunk(tmp_path, monkeypatch):
    """Pulled while a transfer was under way: the driver says ENODEV, and the printer may have it all the same."""

    def fail(_fd, _data):
        raise OSError(errno.ENODEV, "No such device")

    path, stop = serve_pty(Emulator())
    transport = UsbLpTransport(path)
    transport.open()
    with monkeypatch.context() as patch, pytest.raises(WriteInterrupted) as caught:
        patch.setattr("einvoiced.hardware.printer.descriptor.os.write", fail)
        transport.write(bytes(10_000), 1.0)
    assert caught.value.sent == 4096
    assert not transport.is_open
    stop()


@pytest.mark.parametrize(("byte", "out"), [(0x18, False), (0x38, True), (0x20, True), (0x00, False)])
def test_usb_port_status_is_read_as_the_driver_gives_it(byte, out, monkeypatch):
    """LPGETSTATUS fills an int; bit 5 is "paper empty" (USB printer class, GET_PORT_STATUS)."""
    asked = []

    def ioctl(_fd, request, _argument):
        asked.append(request)
        return struct.pack("i", byte)

    path, stop = serve_pty(Emulator())
    transport = UsbLpTransport(path)
    transport.open()
    with monkeypatch.context() as patch:
        patch.setattr("einvoiced.hardware.printer.usblp.fcntl.ioctl", ioctl)
        assert (transport.port_status(), transport.paper_out()) == (byte, out)
    assert set(asked) == {0x060B}
    transport.close()
    stop()


def test_only_usb_knows_of_the_paper_by_itself():
    """The other ways have to ask the printer."""
    for kind, device in (("serial", "/dev/x"), ("network", "127.0.0.1"), ("virtual", "")):
        assert make_transport(kind, device).paper_out() is None


def test_xoff_holds_a_serial_printer_and_xon_lets_it_go_on():
    """While the printer says XOFF nothing leaves, and the write ends in time; after its XON all of it does."""
    master, slave = os.openpty()
    transport = SerialTransport(os.ttyname(slave), flow_control="xonxoff")

    def hold():
        transport.open()
        os.write(master, b"\x13x")
        assert transport.read(5.0) == b"x"

    hold()
    with pytest.raises(WriteInterrupted):
        transport.write(raster(10), 0.3)
    hold()
    waiting = threading.Timer(0.2, os.write, (master, b"\x11"))
    waiting.start()
    start = time.monotonic()
    transport.write(raster(1, fill=0x13), 10.0)
    assert time.monotonic() - start >= 0.15
    assert os.read(master, 4096) == raster(1, fill=0x13)
    waiting.join()
    transport.close()
    os.close(master)
    os.close(slave)


def test_network_refused_connection_is_unavailable():
    """Nobody listening is an unavailable printer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PrinterUnavailable):
        NetworkTransport(f"127.0.0.1:{port}").open()


def test_network_connect_has_a_deadline():
    """A printer whose backlog is full, as one that has crashed, costs `connect_timeout` and no more."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        start = time.monotonic()
        with pytest.raises(PrinterUnavailable):
            NetworkTransport(f"127.0.0.1:{port}", connect_timeout=0.3).open()
        assert 0.25 <= time.monotonic() - start < 2.0
        for filler in fillers:
            filler.close()


def test_network_idle_connection_closed_by_the_printer_sends_nothing():
    """Printers hang up on idle callers: the next write must know that surely nothing was printed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = NetworkTransport(f"127.0.0.1:{listener.getsockname()[1]}")
        transport.open()
        peer, _ = listener.accept()
        peer.close()
        with pytest.raises(PrinterUnavailable):
            transport.read(5.0)
        transport.open()
        peer, _ = listener.accept()
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(WriteInterrupted) as caught:
            transport.write(b"x" * 100, 1.0)
        assert caught.value.sent == 0
        peer.close()


def test_network_reset_in_the_middle_is_not_a_success():
    """A connection reset with bytes unread is an interrupted write, although the queue is empty after it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport = NetworkTransport(f"127.0.0.1:{listener.getsockname()[1]}")
        transport.open()
        peer, _ = listener.accept()

        def reset():
            peer.recv(100)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

        thread = threading.Thread(target=reset)
        thread.start()
        with pytest.raises(WriteInterrupted) as caught:
            transport.write(bytes(1_000_000), 5.0)
        assert 100 <= caught.value.sent <= 1_000_000
        thread.join()


@pytest.mark.parametrize(
    ("device", "address"),
    [
        ("192.168.1.9", ("192.168.1.9", 9100)),
        ("printer.local:9101", ("printer.local", 9101)),
        ("[fe80::1]", ("fe80::1", 9100)),
        ("[fe80::1]:9102", ("fe80::1", 9102)),
    ],
)
def test_network_addresses(device, address):
    """Host, host:port and bracketed IPv6 are understood."""
    assert split_address(device) == address


@pytest.mark.parametrize("device", ["", ":9100", "host:", "host:x", "host:0", "host:70000", "fe80::1"])
def test_network_addresses_that_are_none(device):
    """Anything else is refused when the transport is made, not when the first invoice is printed."""
    with pytest.raises(ValueError):
        make_transport("network", device)


def test_virtual_cable_is_cut_after_n_bytes():
    """`unplug_after` lets exactly n bytes through."""
    emulator = Emulator()
    transport = VirtualTransport(emulator)
    transport.emulator.unplug_after = 11
    transport.open()
    with pytest.raises(WriteInterrupted) as caught:
        transport.write(bytes(100), 5.0)
    assert caught.value.sent == emulator.bytes_taken == 11
    with pytest.raises(PrinterUnavailable):
        transport.open()
    transport.unplugged = False
    transport.open()
    transport.write(bytes(100), 5.0)
    assert emulator.bytes_taken == 111


def test_factory_makes_a_virtual_printer_that_leaves_pictures(tmp_path):
    """The configured kind "virtual" writes its strips into the folder given as device."""
    transport = make_transport("virtual", str(tmp_path / "paper"), process_id=True)
    transport.open()
    transport.write(raster(8) + CUT, 1.0)
    assert [path.name for path in (tmp_path / "paper").iterdir()] == ["0001.png"]


def test_factory_refuses_an_unknown_kind():
    """A kind that does not exist is an error that names it."""
    with pytest.raises(ValueError, match="laser"):
        make_transport("laser", "")


@pytest.mark.parametrize("kind", ["serial", "network"])
def test_a_plug_that_comes_back_is_found_again(kind, tmp_path):
    """Unplugged in the middle of a write; plugged in again, the same device opens and prints."""
    emulator = Emulator()
    if kind == "serial":
        path, stop = serve_pty(emulator, tmp_path / "printer")
        transport = SerialTransport(path, flow_control="none")
    else:
        port, stop = serve_tcp(emulator)
        transport = NetworkTransport(f"127.0.0.1:{port}")
    try:
        transport.open()
        emulator.unplug_after = 5000
        with pytest.raises(WriteInterrupted):
            transport.write(JOB, 5.0)
            transport.write(JOB, 5.0)
        assert until(lambda: not _opens(transport))
        emulator.powered = False
        emulator.powered, emulator.unplugged = True, False
        assert until(lambda: _opens(transport))
        transport.write(JOB, 5.0)
        assert until(lambda: emulator.strips)
    finally:
        transport.close()
        stop()


def _opens(transport):
    transport.close()
    try:
        transport.open()
    except PrinterUnavailable:
        return False
    return True
