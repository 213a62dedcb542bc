"""`invoice.issue`: take the next number and the time in one step, make the invoice, append it, answer.

The same key gives the same bytes of the result for ever; the same key with another sale is a conflict.
"""

from __future__ import annotations

import hmac
import os
from datetime import date, datetime
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from einvoiced import errors
from einvoiced.actions.box import Box, Shop, need_zone
from einvoiced.actions.cancel_invoice import Cancelled
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.journal import entries, schema
from einvoiced.journal.entries import Labels, Peer
from einvoiced.journal.transaction import Action, NotYet, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.invoice import Invoice, InvoiceBuyer, make_invoice
from einvoiced.rules.period import Period
from einvoiced.rules.sale import Buyer, Sale, Settlement, check_text, permit, settle


class LastSeen(Struct, frozen=True, forbid_unknown_fields=True):
    """The place and MAC of the last answer that a till holds: a witness of the journal."""

    epoch: int
    sequence: int
    mac: str


class IssueParams(Sale, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale with the till's key. `till_time`: the till's own clock, with its zone; `print`: who prints the proof;
    `if_unprintable`: what happens when the box's printer cannot, where it is not what the configuration says.
    """

    key: str
    till_time: datetime | None = None
    print: Literal["box", "till", "none"] = "box"
    if_unprintable: Literal["refuse", "queue"] | None = None
    labels: Labels = Labels()
    last_seen: LastSeen | None = None


class Issued(Struct, frozen=True, omit_defaults=True):
    """The result: the invoice, its place in the journal, and the place's MAC.

    `proofs_waiting`: how many proofs wait with this one, where it was issued although the printer could not print.
    `replaced`: what `invoice.replace` cancelled for it.
    """

    epoch: int
    sequence: int
    mac: str
    invoice: Invoice
    proofs_waiting: int = 0
    replaced: Cancelled | None = None


_MOST_ENTRIES = (1 << 63) - 1
"""SQLite's largest integer: no entry has a higher sequence."""

_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(Issued).decode


def issue_invoice(box: Box, params: IssueParams, peer: Peer | None) -> Action[Raw]:
    """Check the sale now; the returned action takes the number and gives the result's bytes.

    Raises an error of 1xxx for a wrong sale; the action raises BoxLocked, KeyConflict, NoNumbersLeft, ClockUntrusted,
    ClockWasAhead, PrinterNotReady or DiskNearlyFull. None of them takes a number or burns the key.
    """
    key = key_bytes(params.key)
    settled = settle(params)
    labels = checked_labels(params.labels)
    seen = params.last_seen
    if seen is not None:
        _check_mac(box, seen)
    need_zone(params.till_time)

    def action(tx: Transaction) -> Raw:
        if seen is not None:
            _hear(tx, box, seen)
        stored = stored_result(tx, box.shop.seller.identifier, key, "invoice.issue") if box.shop else None
        if stored is not None:
            compare_sale(stored[0], params, settled)
            return stored[0]
        shop = box.need_shop()
        permit(params, settled, shop.policy)
        tx.check_space()
        return take_number(tx, box, shop, params, settled, labels, peer)

    return action


def _check_mac(box: Box, seen: LastSeen) -> None:
    """BadMac unless the answer is this journal's, or older than the key that it would be checked with."""
    made = box.mac(seen.epoch, seen.sequence)
    right = seen.epoch < box.key_epoch or hmac.compare_digest(seen.mac.encode(), made.encode())
    if not right or seen.epoch < 1 or not 1 <= seen.sequence <= _MOST_ENTRIES:
        raise errors.BadMac("last_seen.mac")


def _hear(tx: Transaction, box: Box, seen: LastSeen) -> None:
    """A till as a witness: an answer beyond the journal's end locks the box, JournalBehind.

    One of an earlier epoch that the journal does not hold was lost with an older copy, and numbers are in doubt since:
    the till goes on, and the status says that it holds an invoice that can be adopted.
    """
    if (seen.epoch, seen.sequence) > (tx.head.epoch, tx.head.sequence):
        detail, zh = f"it holds the answer of entry {seen.sequence}", f"持有第 {seen.sequence} 筆的回覆"
        behind = errors.JournalBehind(who="A till", who_zh="收銀機", detail=detail, detail_zh=zh)
        box.on_behind(behind)
        raise behind
    if seen.epoch < tx.head.epoch:
        row = tx.one("SELECT body FROM entries WHERE sequence = ?", seen.sequence)
        if row is None or entries.read(row[0]).epoch != seen.epoch:
            box.note(
                "answer_lost",
                f"A till holds an answer that this journal lost (epoch {seen.epoch}, entry {seen.sequence}): take its "
                "invoice back with einvoicectl invoice adopt.",
                f"收銀機保有本日誌遺失的回覆（第 {seen.epoch} 代第 {seen.sequence} 筆）；"
                "請以 einvoicectl invoice adopt 收回該發票。",
            )


def take_number(
    tx: Transaction,
    box: Box,
    shop: Shop,
    params: IssueParams,
    settled: Settlement,
    labels: Labels,
    peer: Peer | None,
    *,
    replaces: int = 0,
    replaced: Cancelled | None = None,
) -> Raw:
    """Make the invoice of a checked sale and append it; gives the result's bytes. Refusals as `issue_invoice`."""
    paper = paper_for(box, params.print, settled.print_mark)
    ahead = need_printer(tx, box, params.if_unprintable) if box.unprintable is not None and paper == "queued" else 0
    moment = box.trusted_moment(tx, params.till_time)
    period = Period.of(moment)
    track, range_begin, number = _next_number(tx, shop.seller.identifier, period)
    if box.ceilings is not None:
        box.ceilings.check(period.year_month, track, range_begin, number)
    invoice = make_invoice(
        params,
        settled,
        seller=shop.seller,
        track=track,
        number=number,
        moment=moment,
        random_number=random_code(),
        seal=shop.seal,
    )
    epoch, sequence = tx.next_place
    result = Raw(_encode(Issued(epoch, sequence, box.mac(epoch, sequence), invoice, ahead, replaced)))
    tx.append(entries.InvoiceIssued(params.key, range_begin, paper, peer, labels, result, replaces), moment)
    if paper == "queued":
        box.paper_waits = True
    elif paper == "none" and params.print == "box" and box.prints:
        _leave_a_note(tx, box, params, sequence)
    return result


_FAIR = (1 << 32) // 10_000 * 10_000
"""Below this every code has the same number of chances."""

CURRENT_RANGE = """
SELECT track, begin, next FROM ranges WHERE seller = ? AND year_month = ? AND state = 'current'
ORDER BY track, begin LIMIT 1
"""
FRESH_RANGE = CURRENT_RANGE.replace("'current'", "'fresh'")


def random_code() -> str:
    """Four digits from the kernel's generator, each code as likely as any other (self-check form, 6)."""
    while (drawn := int.from_bytes(os.urandom(4), "big")) >= _FAIR:
        pass
    return f"{drawn % 10_000:04d}"


def _next_number(tx: Transaction, seller: str, period: Period) -> tuple[str, int, int]:
    """Track, its range's first number, and the next number: the range in use first, so that numbers go up in time."""
    for question in (CURRENT_RANGE, FRESH_RANGE):
        row = tx.one(question, seller, period.year_month)
        if row is not None:
            return row[0], row[1], row[2]
    if tx.one(FRESH_RANGE.replace("'fresh'", "'unreleased'"), seller, period.year_month) is not None:
        raise errors.TracksNotReleased(period=period.label)
    raise errors.NoNumbersLeft(period=period.label)


def paper_for(box: Box, wish: Literal["box", "till", "none"], print_mark: str) -> entries.Paper:
    """Where an original begins, by who is to print it and whether the law wants it."""
    if print_mark == "N":
        return "none"
    if wish == "none":
        return "unprinted"
    return "queued" if wish == "box" and box.prints else "till"


_WAITING = f"SELECT count(*) FROM invoices WHERE {schema.WAITING_PAPER} AND paper IN ('queued', 'sending')"


def need_printer(tx: Transaction, box: Box, if_unprintable: Literal["refuse", "queue"] | None) -> int:
    """PrinterNotReady, or how many proofs wait with this one where it may wait too; NotYet while nobody has asked the
    printer since the start.
    """
    trouble = box.unprintable
    if trouble is None:
        return 0
    if (if_unprintable or box.if_unprintable) == "queue" and trouble.name != "printer_wrong_roll":
        return int(tx.one(_WAITING)[0]) + 1
    if trouble.name == "printer_starting":
        raise NotYet
    raise errors.PrinterNotReady(detail=trouble.en, detail_zh=trouble.zh)


def _leave_a_note(tx: Transaction, box: Box, params: IssueParams, sequence: int) -> None:
    """A customer without a proof may get a slip, where the configuration says so."""
    if box.donation_slip if params.npoban is not None else box.carrier_slip:
        box.leave_note(tx, sequence)


_NO_LABELS = Labels()


def checked_labels(labels: Labels) -> Labels:
    """The labels: 1 to 20 characters each, `business_day` a date YYYY-MM-DD; BadText or InvalidParams otherwise."""
    if labels == _NO_LABELS:
        return labels
    for name in Labels.__struct_fields__:
        value = getattr(labels, name)
        if value is not None:
            check_text(value, 20, f"labels.{name}", name)
    if labels.business_day is not None:
        try:
            written = date.fromisoformat(labels.business_day).isoformat()
        except ValueError:
            written = ""
        if written != labels.business_day:
            raise errors.InvalidParams("labels.business_day", detail="a date is written YYYY-MM-DD")
    return labels


# -- repeats


def compare_sale(stored: Raw, params: IssueParams, settled: Settlement) -> None:
    """KeyConflict unless the stored invoice is of this very sale; labels and who prints are not compared."""
    invoice = _decode_result(stored).invoice
    buyer, carrier = params.buyer, params.carrier
    sent = (
        ("buyer", invoice.buyer, _stored_form(buyer) if buyer else None),
        (
            "carrier",
            (invoice.carrier_type, invoice.carrier_id),
            (carrier.type, carrier.id) if carrier else (None, None),
        ),
        ("npoban", invoice.npoban, params.npoban),
        ("print_mark", invoice.print_mark, settled.print_mark),
        ("lines", invoice.items, settled.items),
        ("total_amount", invoice.total_amount, settled.total_amount),
        ("tax_amount", invoice.tax_amount, settled.tax_amount),
    )
    compare(invoice.invoice_number, sent)


def _stored_form(buyer: Buyer) -> InvoiceBuyer:
    return InvoiceBuyer(buyer.identifier, buyer.name.strip() if buyer.name else None)
