"""The two QR codes of a proof: same version (6 to 10), level L, bytes in UTF-8, side by side under the law's sizes."""

from __future__ import annotations

from dataclasses import dataclass

from einvoiced.proof.matrix import Matrix
from einvoiced.proof.profile import PrinterProfile
from einvoiced.rules.barcodes import QR_CAPACITY

LEAST_MM, MOST_MM = 15.0, 22.6
"""The law's least size, and where larger modules would only cost paper."""
QUIET_MM = 2.0
QUIET_MODULES = 4
"""ISO/IEC 18004's own quiet zone; the law's 0.2 cm is the one that may not be broken."""

MASK = 2
"""A fixed mask costs a fifth of choosing one by penalty."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where two codes stand: dots of a module, their columns, and the white above and below."""

    module: int
    left: int
    right: int
    quiet: int


def version_for(*texts: str) -> int:
    """The lowest version, 6 at least, that holds each of the texts; ValueError beyond 10."""
    longest = max(len(text.encode()) for text in texts)
    for version, capacity in QR_CAPACITY.items():
        if longest <= capacity:
            return version
    raise ValueError(f"{longest} bytes do not fit a QR code of version {max(QR_CAPACITY)}")


def columns(version: int) -> int:
    """Modules of a side (ISO/IEC 18004)."""
    return 17 + 4 * version


def code(text: str, version: int, mask: int | None = MASK) -> Matrix:
    """One code without its quiet zone; a mask of None is chosen by penalty. ValueError when the text is too long."""
    import segno

    made = segno.make(
        text.encode(), error="l", version=version, mode="byte", mask=mask, eci=False, micro=False, boost_error=False
    )
    return Matrix(len(made.matrix), len(made.matrix), b"".join(made.matrix))


def single(text: str, level: str = "m") -> Matrix:
    """A code of a slip, in the smallest version that holds it. ValueError when the text is too long for any."""
    import segno

    try:
        made = segno.make(text.encode(), error=level, mode="byte", eci=False, micro=False, boost_error=False)
    except segno.DataOverflowError as error:
        raise ValueError(f"{len(text.encode())} bytes do not fit a QR code") from error
    return Matrix(len(made.matrix), len(made.matrix), b"".join(made.matrix))


def pair(left: str, right: str) -> tuple[Matrix, Matrix]:
    """Both codes in the same version. ValueError when they do not fit version 10."""
    version = version_for(left, right)
    return code(left, version), code(right, version)


def place(modules: int, profile: PrinterProfile) -> Place:
    """The largest module up to the profile's whose two codes have the law's sizes; ValueError when none has.

    Where the head is too narrow for the outer quiet zones (versions 7 and 10 on 384 dots), the white edge of the paper
    that no head reaches is counted in. Places are even, so that codes of even modules can be sent at half their size.
    """
    quiet, edge = profile.at_least(QUIET_MM), int(profile.margin_mm * profile.dots_per_mm)
    for module in range(profile.qr_module, 0, -1):
        size = modules * module
        in_range = profile.at_least(LEAST_MM) <= size <= profile.to_dots(MOST_MM)
        if in_range and 2 * (size + max(0, quiet - edge)) + quiet <= profile.dots:
            free = profile.dots - 2 * size
            between = max(quiet, free // 3) // 2 * 2
            first = (free - between) // 4 * 2
            return Place(module, first, first + size + between, max(quiet, QUIET_MODULES * module))
    raise ValueError(f"two QR codes of {modules} modules do not fit {profile.dots} dots")
