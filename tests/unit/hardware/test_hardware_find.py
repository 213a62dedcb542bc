"""A printer is found again after its node changed or another of its kind took its place; and at which speed."""

import pytest
from hardware_helpers import CUT, raster, until

from einvoiced.hardware.printer import PrinterUnavailable
from einvoiced.hardware.printer.baud import find_baudrate
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.find import serial_node, usb_kind, usb_node
from einvoiced.hardware.printer.raw import objection
from einvoiced.hardware.printer.serial import SerialTransport
from einvoiced.hardware.printer.usblp import UsbLpTransport
from einvoiced.hardware.printer.virtual import serve_pty


@pytest.fixture
def by_id(tmp_path):
    folder = tmp_path / "by-id"
    folder.mkdir()
    return folder


def test_a_replaced_serial_printer_is_found_by_its_kind(by_id):
    """Same maker and model, another serial number; the configured one goes before it as long as it is there."""
    old, new = by_id / "usb-EPSON_TM_T82_A001-if00-port0", by_id / "usb-EPSON_TM_T82_B777-if00-port0"
    new.touch()
    assert serial_node(str(old)) == str(new)
    old.touch()
    assert serial_node(str(old)) == str(old)


def test_another_kind_is_not_taken(by_id):
    """A scale or another maker's printer on the same box stays alone; two candidates are an error that names them."""
    old = by_id / "usb-EPSON_TM_T82_A001-if00-port0"
    (by_id / "usb-FTDI_Scale_X1-if00-port0").touch()
    assert serial_node(str(old)) == str(old)
    for serial in ("B1", "B2"):
        (by_id / f"usb-EPSON_TM_T82_{serial}-if00-port0").touch()
    with pytest.raises(PrinterUnavailable, match="2 devices would do"):
        serial_node(str(old))


def test_names_with_stars_stand_for_the_only_match(by_id):
    """No match is simply not there."""
    pattern = str(by_id / "usb-*")
    assert serial_node(pattern) == pattern
    (by_id / "usb-X_Y_Z-if00").touch()
    assert serial_node(pattern) == str(by_id / "usb-X_Y_Z-if00")


def test_a_usb_printer_that_came_back_under_another_number_is_found(tmp_path):
    """lp0 is gone, lp1 is there and of the same kind; one of another kind is refused."""
    device = tmp_path / "device"
    device.mkdir()
    (tmp_path / "lp1").touch()
    (tmp_path / "sys" / "lp1").mkdir(parents=True)
    (tmp_path / "sys" / "lp1" / "device").symlink_to(device)
    (device / "ieee1284_id").write_text("MFG:EPSON;CMD:ESC/POS;MDL:TM-T82III;CLS:PRINTER;\n")
    assert usb_kind("/dev/usb/lp1", tmp_path / "sys") == "EPSON TM-T82III"
    lp0 = str(tmp_path / "lp0")
    assert usb_node(lp0, "EPSON TM-T82III", tmp_path / "sys") == str(tmp_path / "lp1")
    assert usb_node(lp0, "", tmp_path / "sys") == str(tmp_path / "lp1")
    with pytest.raises(PrinterUnavailable, match="another kind"):
        usb_node(lp0, "HP LaserJet", tmp_path / "sys")
    assert usb_kind("/dev/usb/lp7", tmp_path / "sys") == ""


def test_a_printer_at_9600_baud_is_found():
    """Nothing is understood at another speed, and the search says at which it answers."""
    path, stop = serve_pty(Emulator(), baudrate=9600)
    try:
        assert find_baudrate(path, "none") == 9600
        assert find_baudrate(path, "none", (115200, 19200)) is None
    finally:
        stop()
    with pytest.raises(PrinterUnavailable):
        find_baudrate(path + "0", "none")


def test_the_serial_transport_opens_what_the_name_stands_for(tmp_path):
    """Through the whole way: a link by a pattern."""
    path, stop = serve_pty(Emulator(), tmp_path / "usb-A_B_C-if00")
    try:
        transport = SerialTransport(str(tmp_path / "usb-*"), flow_control="none")
        transport.open()
        transport.close()
        assert path == str(tmp_path / "usb-A_B_C-if00")
    finally:
        stop()


def test_a_printer_that_is_replaced_by_another_of_its_kind_prints(by_id):
    """The old one is pulled and never comes back; the same transport opens the new one, and it prints there."""
    old, new = Emulator(), Emulator()
    path, stop_old = serve_pty(old, by_id / "usb-EPSON_TM_T82_A001-if00-port0")
    transport = SerialTransport(path, flow_control="none")
    transport.open()
    stop_old()
    with pytest.raises(PrinterUnavailable):
        transport.read(2.0)
    with pytest.raises(PrinterUnavailable):
        transport.open()
    _, stop_new = serve_pty(new, by_id / "usb-EPSON_TM_T82_B777-if00-port0")
    try:
        transport.open()
        transport.write(raster(8) + CUT, 5.0)
        assert until(lambda: new.strips)
        assert not old.strips
    finally:
        transport.close()
        stop_new()


def test_a_usb_printer_that_comes_back_under_another_number_prints(tmp_path):
    """lp0 is pulled, lp1 appears: the same transport opens it."""
    path, stop_old = serve_pty(Emulator(), tmp_path / "lp0")
    transport = UsbLpTransport(path)
    transport.open()
    stop_old()
    with pytest.raises(PrinterUnavailable):
        transport.read(2.0)
    came = Emulator()
    _, stop_new = serve_pty(came, tmp_path / "lp1")
    try:
        transport.open()
        transport.write(raster(8) + CUT, 5.0)
        assert until(lambda: came.strips)
    finally:
        transport.close()
        stop_new()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x1b@hello\n\x1dV\x00", None),
        (b"", None),
        (b"\x1bp\x00\x19\xfa", None),
        (b"\x10\x14\x01\x00\x01", None),
        (b"\x1b=\x02", "deaf"),
        (b"\x1d(E\x03\x00\x01IN", "settings"),
        (b"\x1d(A\x02\x00\x00\x02", "test"),
        (b"\x10\x14\x02\x01\x08", "off"),
        (b"\x10\x05\x02", "throws away"),
        (b"\x1dr\x01slip", "asks"),
        (b"slip\x1d(H\x06\x00\x30\x30@@@A", "asks"),
        (b"\x1dI\x43", "asks"),
        (b"\x10\x04\x01", "asks"),
        (b"\x1bv", "asks"),
        (b"x\x1dv0\x00\x30\x00\x10\x00abc", "cut off"),
        (b"\x1dv0\x00\xff\xff\xff\xff", "raster above"),
        (b"\x1b", "cut off"),
    ],
)
def test_raw_bytes_may_not_outlive_their_slip(data, word):
    """Whole commands pass; what swallows or confirms the next strip, deafens the printer or writes to it does not."""
    said = objection(data)
    assert (said is None) if word is None else (said is not None and word in said)
