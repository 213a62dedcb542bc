"""The sections of the TOML file and their options, as frozen structs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SellerSection(_Section, frozen=True):
    """The shop exactly as registered (營業登記); `tax_registration` is the 稅籍編號, nine digits."""

    identifier: str
    name: str
    address: str | None = None
    telephone: str | None = None
    tax_registration: str | None = None


class BoxSection(_Section, frozen=True):
    """Which box of the shop this is, and after which starts it prints its status on a slip."""

    id: str = "A1"
    boot_slip: Literal["never", "first", "always"] = "first"
    daily_slip: str = "start"


class TracksSection(_Section, frozen=True):
    """Number ranges: which of several boxes this is (`1/1`: it is alone), and whose rows may stand in its files too.

    `lead`: the id of the box that reports the unused numbers of all that share them; empty: the office does.
    """

    share: str
    branches: list[str] = []
    lead: str = ""


class SalesSection(_Section, frozen=True):
    """What this shop may do beyond the ordinary."""

    mixed_tax: bool = False
    carriers: list[str] = []


class QrSection(_Section, frozen=True):
    """Where the AES key of the QR code is; a systemd credential named `qr-key` goes before it."""

    key_file: str | None = None


class PrinterSection(_Section, frozen=True):
    """The printer: `device` is a path, host:port, or (virtual) a directory for the pictures.

    `roll_mm` and `cutter` go before what the profile says; `if_unprintable` is what becomes of an invoice that needs
    paper while there is none.
    """

    transport: Literal["none", "serial", "usb", "network", "virtual"] = "none"
    device: str = ""
    baudrate: int = 115200
    flow_control: Literal["none", "rtscts", "xonxoff"] = "none"
    profile: str = "generic-58"
    roll_mm: Literal[57, 80] | None = None
    cutter: bool | None = None
    if_unprintable: Literal["refuse", "queue"] = "refuse"
    donation_slip: bool = True
    carrier_slip: bool = False
    raw_slips: bool = True
    note: str = ""


class LampsSection(_Section, frozen=True):
    """The three lamps: BCM pin numbers (gpio) or a file that shows their state (virtual)."""

    kind: Literal["none", "gpio", "virtual"] = "none"
    green: int = 17
    amber: int = 27
    red: int = 22
    file: str = ""


class StickSection(_Section, frozen=True):
    """Where track files come from: USB sticks (udev) or a folder that plays the stick."""

    kind: Literal["none", "udev", "folder"] = "none"
    folder: str = ""


class ClockSection(_Section, frozen=True):
    """The system's clock, or a movable one steered by a file (tests and demo)."""

    kind: Literal["system", "virtual"] = "system"
    file: str = ""


class MirrorSection(_Section, frozen=True):
    """A second copy of the journal on another disk, and whether the box may go on for long without it."""

    directory: str = ""
    required: bool = True


class TurnkeySection(_Section, frozen=True):
    """Turnkey's folder (mounted here from the machine that runs it), its two services' folders, how often to look."""

    spool: str = ""
    storage: str = "B2SSTORAGE"
    tracks: str = "B2PMESSAGE"
    poll_seconds: float = 10.0


class Config(_Section, frozen=True):
    """The whole file."""

    seller: SellerSection
    tracks: TracksSection
    box: BoxSection = BoxSection()
    sales: SalesSection = SalesSection()
    qr: QrSection = QrSection()
    printer: PrinterSection = PrinterSection()
    lamps: LampsSection = LampsSection()
    stick: StickSection = StickSection()
    clock: ClockSection = ClockSection()
    mirror: MirrorSection = MirrorSection()
    turnkey: TurnkeySection = TurnkeySection()


UNCONFIGURED = Config(SellerSection("", ""), TracksSection("1/1"))
"""What a box without a valid file runs on: locked, no hardware."""
