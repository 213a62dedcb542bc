"""The place of an invoice, as its entry has it: seller, period, track, number; the key of its projection."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import Raw, Struct

from einvoiced.journal import entries
from einvoiced.rules.numbers import split_invoice_number

Place = tuple[str, str, str, int]
"""Seller, period, track, number."""


class _Seller(Struct, frozen=True):
    identifier: str


class _Head(Struct, frozen=True):
    invoice_number: str
    year_month: str
    seller: _Seller


class _Result(Struct, frozen=True):
    invoice: _Head


class _WithResult(Struct, frozen=True):
    result: Raw


_read_result = msgspec.json.Decoder(_Result).decode
_read_with_result = msgspec.json.Decoder(_WithResult).decode


def place_in(result: Raw) -> Place:
    """The place of the invoice in the result of an entry that issued or adopted it."""
    head = _read_result(result).invoice
    return head.seller.identifier, head.year_month, *split_invoice_number(head.invoice_number)


def place_at(db: sqlite3.Connection, sequence: int) -> Place:
    """The place of the invoice that an entry issued or adopted."""
    (body,) = db.execute("SELECT body FROM entries WHERE sequence = ?", (sequence,)).fetchone()
    return place_in(_read_with_result(entries.read(body).data).result)
