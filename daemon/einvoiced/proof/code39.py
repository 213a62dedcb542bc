"""Code 39 (ISO/IEC 16388) as the proof wants it: 19 characters, start and stop, no check digit."""

from __future__ import annotations

from einvoiced.proof.matrix import Matrix
from einvoiced.proof.profile import PrinterProfile

START_STOP = "*"
QUIET = 10
"""Narrow elements of white on either side."""
RATIOS = (3, 2)
"""Wide to narrow, the better readable first."""

# Nine elements a character, bar and space by turns, 1 is wide; ISO/IEC 16388 table 1.
_ELEMENTS = {
    "0": "000110100", "1": "100100001", "2": "001100001", "3": "101100000", "4": "000110001",
    "5": "100110000", "6": "001110000", "7": "000100101", "8": "100100100", "9": "001100100",
    "A": "100001001", "B": "001001001", "C": "101001000", "D": "000011001", "E": "100011000",
    "F": "001011000", "G": "000001101", "H": "100001100", "I": "001001100", "J": "000011100",
    "K": "100000011", "L": "001000011", "M": "101000010", "N": "000010011", "O": "100010010",
    "P": "001010010", "Q": "000000111", "R": "100000110", "S": "001000110", "T": "000010110",
    "U": "110000001", "V": "011000001", "W": "111000000", "X": "010010001", "Y": "110010000",
    "Z": "011010000", "-": "010000101", ".": "110000100", " ": "011000100", "$": "010101000",
    "/": "010100010", "+": "010001010", "%": "000101010", "*": "010010100",
}  # fmt: skip


def bars(text: str, ratio: int) -> Matrix:
    """One row of narrow elements with start and stop; ValueError for a character that Code 39 lacks."""
    cells = bytearray()
    for character in f"{START_STOP}{text}{START_STOP}":
        elements = _ELEMENTS.get(character)
        if elements is None or (character == START_STOP and START_STOP in text):
            raise ValueError(f"Code 39 has no {character!r}")
        for place, wide in enumerate(elements):
            cells += bytes([1 - place % 2]) * (ratio if wide == "1" else 1)
        cells.append(0)
    del cells[-1]
    return Matrix(len(cells), 1, bytes(cells))


def width(length: int, ratio: int) -> int:
    """Narrow elements that `length` characters take with start and stop."""
    return (length + 2) * (6 + 3 * ratio + 1) - 1


def fit(text: str, profile: PrinterProfile) -> tuple[Matrix, int]:
    """The widest drawing that the head has room for with its quiet zones, and the dots of a narrow element.

    With 384 dots and 19 characters: 1 dot, ratio 1:3, 335 dots. ValueError when not even 1:2 of single dots fits.
    """
    for narrow in range(profile.dots // width(len(text), RATIOS[-1]), 0, -1):
        for ratio in RATIOS:
            if (width(len(text), ratio) + 2 * QUIET) * narrow <= profile.dots:
                return bars(text, ratio), narrow
    raise ValueError(f"a Code 39 of {len(text)} characters does not fit {profile.dots} dots")
