"""`tracks.type`: a range typed by two persons, neither seeing what the other typed, for the day without a stick.

Of the first typing the journal keeps only a keyed hash of each value: nobody can read it back over any socket, and with
three tries nobody can guess it (`rules.by_hand`).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from msgspec import Struct

from einvoiced.actions.box import Box, Shop
from einvoiced.actions.import_tracks import Imported, RangeShown, compare_rows, shown, taken_now, verdict_of
from einvoiced.actions.start_checks import fact
from einvoiced.errors import EinvoicedError, NotConfigured, TypedBySamePerson, TypedTooOften, TypingUnknown
from einvoiced.intake import TrackRow, check_typing
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.by_hand import MOST_TRIES, Typing, differs, same_person, values
from einvoiced.rules.sale import check_text

SOURCE = "typed"


class Typed(Struct, frozen=True):
    """What became of a typing.

    `preview`: nothing, this is what would be; `first`: it waits under the number `typing` for another person;
    `taken`: both agree, and `verdict` says what was taken. `range` is what this person typed.
    """

    state: Literal["preview", "first", "taken"]
    typing: int | None
    range: RangeShown
    verdict: Imported | None


def type_tracks(
    box: Box, typing: Typing, confirms: int | None, preview: bool, peer: Peer | None
) -> Action[Typed | EinvoicedError]:
    """Check one person's typing as a file would be; the action keeps it, or compares it with the one it `confirms`.

    A TrackFileError for a range that a file would be refused for. The action raises TypingUnknown, TypedBySamePerson
    and TypedTooOften. What it gives back as an error (TypedDiffers) was counted, and must be raised by the caller.
    """
    shop = box.shop
    if shop is None:
        raise NotConfigured(detail="no seller")
    check_text(typing.person, 40, "person", "person")
    row = check_typing(typing, seller=shop.seller.identifier, today=box.clock.now().date())

    def action(tx: Transaction) -> Typed | EinvoicedError:
        tx.check_space()
        if confirms is None:
            return _first(tx, box, shop, typing, row, preview, peer)
        return _second(tx, box, shop, typing, row, confirms, preview, peer)

    return action


def _first(
    tx: Transaction, box: Box, shop: Shop, typing: Typing, row: TrackRow, preview: bool, peer: Peer | None
) -> Typed:
    compare_rows(tx, shop, [row])
    if preview:
        return Typed("preview", None, shown(row.range, shop.share), None)
    _, sequence = tx.next_place
    tx.append(entries.TracksTyped(typing.person.strip(), peer, _marks(box, sequence, row)))
    return Typed("first", sequence, shown(row.range, shop.share), None)


def _second(
    tx: Transaction,
    box: Box,
    shop: Shop,
    typing: Typing,
    row: TrackRow,
    confirms: int,
    preview: bool,
    peer: Peer | None,
) -> Typed | EinvoicedError:
    first = _waiting(tx, confirms)
    if same_person(first.person, typing.person):
        raise TypedBySamePerson()
    mine, person = _marks(box, confirms, row), typing.person.strip()
    fields = [name for name, mark in first.marks.items() if not hmac.compare_digest(mark, mine.get(name, ""))]
    if fields:
        tx.append(entries.TypingDiffered(confirms, person, peer, fields))
        return differs(fields)
    taking = compare_rows(tx, shop, [row])
    name, digest = str(row.range), hashlib.sha256(repr(values(row.range)).encode()).hexdigest()
    if preview:
        verdict = verdict_of(tx, shop, taking, name, digest)
        return Typed("preview", confirms, shown(row.range, shop.share), verdict)
    if taking.ranges:
        people = [first.person, person]
        tx.append(entries.TracksImported(name, digest, SOURCE, peer, taking.ranges, confirms, people))
        taken_now(box)
    verdict = verdict_of(tx, shop, taking, name, digest)
    return Typed("taken", confirms, shown(row.range, shop.share), verdict)


def _waiting(tx: Transaction, typing: int) -> entries.TracksTyped:
    """The first typing that waits under a number."""
    tries = fact(tx, f"typing {typing}")
    if tries is None:
        raise TypingUnknown("confirms", typing=typing)
    if int(tries) >= MOST_TRIES:
        raise TypedTooOften("confirms", typing=typing, tries=int(tries))
    row = tx.one("SELECT body FROM entries WHERE sequence = ?", typing)
    data = entries.read_data(entries.read(row[0]))
    assert isinstance(data, entries.TracksTyped)
    return data


def _marks(box: Box, sequence: int, row: TrackRow) -> dict[str, str]:
    """A keyed hash of each typed value, of no use for another typing."""
    return {
        name: hmac.new(box.secret, f"typing {box.journal_id} {sequence} {name} {value}".encode(), "sha256").hexdigest()
        for name, value in values(row.range).items()
    }
