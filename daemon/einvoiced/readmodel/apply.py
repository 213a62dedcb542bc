"""What each entry does to the read model. Entries that say nothing about invoices pass by."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from einvoiced.actions.find_invoices import worst
from einvoiced.journal import entries, outbox, paper
from einvoiced.journal.entries import Labels
from einvoiced.readmodel.tables import place_of
from einvoiced.rules.invoice import InvoiceBuyer
from einvoiced.rules.sale import Item

Db = sqlite3.Connection


class _Invoice(Struct, frozen=True):
    """What the model takes of an invoice."""

    invoice_number: str
    year_month: str
    invoice_date: str
    invoice_time: str
    print_mark: str
    sales_amount: int
    free_tax_sales_amount: int
    zero_tax_sales_amount: int
    tax_type: str
    tax_amount: int
    total_amount: int
    items: Raw
    buyer: InvoiceBuyer | None = None
    carrier_type: str | None = None
    carrier_id: str | None = None
    npoban: str | None = None


class _Issued(Struct, frozen=True):
    invoice: _Invoice


class _Allowance(Struct, frozen=True):
    """What the model takes of an allowance: MIG's names, amounts in whole NT$, `total_amount` without tax."""

    allowance_number: str
    allowance_date: str
    tax_amount: int
    total_amount: int
    lines: Raw
    buyer: InvoiceBuyer | None = None


class _Allowed(Struct, frozen=True):
    allowance: _Allowance


class _AllowanceItem(Struct, frozen=True):
    tax_type: str
    original_invoice_number: str


_invoice = msgspec.json.Decoder(_Issued).decode
_allowance = msgspec.json.Decoder(_Allowed).decode
_items = msgspec.json.Decoder(list[Item]).decode
_allowance_items = msgspec.json.Decoder(list[_AllowanceItem]).decode

_INSERT = f"INSERT INTO invoices VALUES ({', '.join('?' * 30)})"
_INSERT_ALLOWANCE = f"INSERT INTO allowances VALUES ({', '.join('?' * 18)})"
_CORRECT = """
UPDATE invoices SET paper = ?, buyer = ?, buyer_name = ?, carrier_type = ?, carrier_id = ?, npoban = ?, print_mark = ?
WHERE entry = ?
"""
_LEFT = """
SELECT entry, message, state FROM outbox WHERE entry = ?1
UNION ALL SELECT entry, message, state FROM outbox WHERE subject = ?1 AND entry <> subject
"""
_FORGET = """
UPDATE invoices SET upload = 'unknown' WHERE entry IN (SELECT subject FROM outbox WHERE message LIKE 'F%')
"""
_FORGET_ALLOWANCES = """
UPDATE allowances SET upload = 'unknown' WHERE entry IN (SELECT entry FROM outbox WHERE message = 'G0401')
    OR cancelled_entry IN (SELECT entry FROM outbox WHERE message = 'G0501')
"""


def day_of(compact: str) -> str:
    """YYYYMMDD as YYYY-MM-DD."""
    return f"{compact[:4]}-{compact[4:6]}-{compact[6:8]}"


class Model:
    """The tables of one file, brought up to date entry by entry in the caller's transaction."""

    def __init__(self, db: Db, lines: bool = False) -> None:
        """`lines`: keep the items too, for a snapshot."""
        self._db, self._lines = db, lines

    def take(self, sequence: int, body: bytes) -> None:
        """One entry. msgspec.DecodeError or sqlite3.Error when it cannot be."""
        envelope = entries.read(body)
        apply = _APPLY.get(envelope.type)
        if apply is not None:
            apply(self, sequence, envelope.time[:10], entries.read_data(envelope))

    # -- invoices

    def issued(self, sequence: int, _today: str, data: entries.InvoiceIssued) -> None:
        """A new invoice waits for its upload."""
        self._insert(sequence, data.key, data.paper, "waiting", data.labels, data.replaces, data.result)
        self._db.execute(outbox.INSERT_INVOICE, (sequence,))

    def adopted(self, sequence: int, _today: str, data: entries.InvoiceAdopted) -> None:
        """One that this journal had lost."""
        self._insert(sequence, data.key, "unconfirmed", "unknown", Labels(), 0, data.result)
        outbox.adopted(self._db, sequence)

    def _insert(
        self, entry: int, key: str, paper: str, upload: str, labels: Labels, replaces: int, result: Raw
    ) -> None:
        i = _invoice(result).invoice
        day, buyer = day_of(i.invoice_date), i.buyer
        head = (place_of(day, entry), entry, i.invoice_number, i.year_month, day, i.invoice_time, key)
        amounts = (i.sales_amount, i.free_tax_sales_amount, i.zero_tax_sales_amount, i.tax_amount, i.total_amount)
        who = (buyer.identifier if buyer else None, buyer.name if buyer else None)
        how = (i.carrier_type, i.carrier_id, i.npoban, i.print_mark)
        till = (labels.order_no, labels.business_day, labels.till, labels.cashier)
        row = (*head, "issued", paper, upload, i.tax_type, *amounts, *who, *how, *till, 0, replaces, None, None)
        self._db.execute(_INSERT, row)
        if self._lines:
            self._insert_items(entry, i.items)

    def _insert_items(self, entry: int, items: Raw) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (entry, n, i.description, i.quantity, i.unit, i.unit_price, i.amount, i.tax_type, i.remark)
                for n, i in enumerate(_items(items), 1)
            ),
        )

    def cancelled(self, sequence: int, today: str, data: entries.InvoiceCancelled) -> None:
        """The number stays used."""
        change = f"state = 'cancelled', paper = {paper.KNOWN_OUT}, cancelled_day = ?, cancel_reason = ?"
        self._db.execute(f"UPDATE invoices SET {change} WHERE entry = ?", (today, data.reason, data.invoice))
        outbox.put(self._db, sequence, data.invoice, "F0501")
        self._uploads(data.invoice)

    def documented(self, sequence: int, _today: str, data: entries.CancellationDocumented) -> None:
        """Its cancellation leaves anew."""
        outbox.documented(self._db, sequence, data)
        self._uploads(data.invoice)

    def corrected(self, sequence: int, _today: str, data: entries.InvoiceCorrected) -> None:
        """Carrier, donation or print mark."""
        i = _invoice(data.result).invoice
        who = (i.buyer.identifier if i.buyer else None, i.buyer.name if i.buyer else None)
        how = (i.carrier_type, i.carrier_id, i.npoban, i.print_mark)
        self._db.execute(_CORRECT, (data.paper, *who, *how, data.invoice))
        outbox.corrected(self._db, sequence, data)
        self._uploads(data.invoice)

    def allowed(self, sequence: int, today: str, data: entries.AllowanceIssued) -> None:
        """Part of an invoice was taken back."""
        a = _allowance(data.result).allowance
        items = _allowance_items(a.lines)
        day = day_of(a.allowance_date) if a.allowance_date else today
        types, numbers = {i.tax_type for i in items}, {i.original_invoice_number for i in items}
        labels = data.labels
        row = (
            *(place_of(day, sequence), sequence, data.number, day, "issued", "waiting", data.invoice),
            *(", ".join(sorted(numbers)), a.buyer.identifier if a.buyer else None),
            *(types.pop() if len(types) == 1 else "9", a.total_amount, a.tax_amount),
            *(labels.order_no, labels.business_day, labels.till, labels.cashier, None, None),
        )
        self._db.execute(_INSERT_ALLOWANCE, row)
        outbox.put(self._db, sequence, data.invoice or sequence, "G0401")
        self._uploads(data.invoice or sequence)

    def allowance_cancelled(self, sequence: int, today: str, data: entries.AllowanceCancelled) -> None:
        """As if it had not been."""
        change = "UPDATE allowances SET state = 'cancelled', cancelled_day = ?, cancelled_entry = ? WHERE entry = ?"
        self._db.execute(change, (today, sequence, data.allowance))
        row = self._db.execute("SELECT invoice FROM allowances WHERE entry = ?", (data.allowance,)).fetchone()
        subject = (row and row[0]) or data.allowance
        outbox.put(self._db, sequence, subject, "G0501")
        self._uploads(subject)

    # -- uploads

    def _uploads(self, subject: int) -> None:
        """One word about the messages of an invoice, and of each of its allowances, after they changed."""
        left = self._db.execute(_LEFT, (subject,)).fetchall()
        invoice = worst(state for _, message, state in left if message[0] == "F")
        self._db.execute("UPDATE invoices SET upload = ? WHERE entry = ?", (invoice, subject))
        mine = "SELECT entry, cancelled_entry FROM allowances WHERE invoice = ?1 OR entry = ?1"
        for pair in self._db.execute(mine, (subject,)).fetchall():
            upload = worst(state for entry, message, state in left if entry in pair and message[0] == "G")
            self._db.execute("UPDATE allowances SET upload = ? WHERE entry = ?", (upload, pair[0]))

    def _subjects(self, uploads: Iterable[entries.Upload]) -> set[int]:
        found = set()
        for u in uploads:
            row = self._db.execute("SELECT subject FROM outbox WHERE entry = ? LIMIT 1", (u.entry,)).fetchone()
            found.add(row[0] if row else u.entry)
        return found

    def changed(self, uploads: list[entries.Upload], change: Callable[[], None]) -> None:
        """Messages moved on: the invoices that they are about are looked at again."""
        subjects = self._subjects(uploads)
        change()
        for subject in subjects:
            self._uploads(subject)

    def forget_answers(self, sequence: int, _today: str, _data: Any) -> None:
        """The journal is an older copy, or another history's heir."""
        outbox.forget_answers(self._db, sequence)
        self._db.execute(_FORGET)
        self._db.execute(_FORGET_ALLOWANCES)

    def restored(self, sequence: int, today: str, data: Any) -> None:
        """Proofs not known as printed are unconfirmed from here on."""
        self.forget_answers(sequence, today, data)
        unconfirmed = "iif(state = 'cancelled', 'none', 'unconfirmed')"
        self._db.execute(f"UPDATE invoices SET paper = {unconfirmed} WHERE paper IN ('queued', 'sending')")

    def company(self, _sequence: int, _today: str, data: entries.BoxStarted | entries.CompanyChanged) -> None:
        """Whose invoices these are."""
        if data.company is not None:
            self._db.execute("DELETE FROM company")
            self._db.execute("INSERT INTO company VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(data.company))

    # -- paper

    def paper(self, invoice: int, state: str) -> None:
        """Where an original stands."""
        self._db.execute(f"{paper.PAPER_IS} entry = ?2", (state, invoice))

    def copy_ordered(self, _sequence: int, _today: str, data: entries.CopyOrdered) -> None:
        """One more copy."""
        self._db.execute("UPDATE invoices SET copies = max(copies, ?) WHERE entry = ?", (data.number, data.invoice))


def _paper(state: str) -> Callable[[Model, int, str, Any], None]:
    return lambda model, _sequence, _today, data: model.paper(data.invoice, state)


def _printed(model: Model, _sequence: int, _today: str, data: entries.ProofPrinted) -> None:
    model.paper(data.invoice, "sent" if data.confirmation == "none" else "printed")


def _uploads(what: Callable[[Db, int, Any], None]) -> Callable[[Model, int, str, Any], None]:
    def run(model: Model, sequence: int, _today: str, data: Any) -> None:
        uploads = [a.upload for a in data.answers] if hasattr(data, "answers") else data.uploads
        model.changed(uploads, lambda: what(model._db, sequence, data))

    return run


_APPLY: dict[str, Callable[[Model, int, str, Any], None]] = {
    "invoice_issued": Model.issued,
    "invoice_adopted": Model.adopted,
    "invoice_cancelled": Model.cancelled,
    "cancellation_documented": Model.documented,
    "invoice_corrected": Model.corrected,
    "allowance_issued": Model.allowed,
    "allowance_cancelled": Model.allowance_cancelled,
    "uploads_sent": _uploads(outbox.sent),
    "uploads_answered": _uploads(outbox.answered),
    "uploads_requeued": _uploads(outbox.requeued),
    "uploads_settled": _uploads(outbox.settled),
    "epoch_opened": Model.forget_answers,
    "journal_restored": Model.restored,
    "box_started": Model.company,
    "company_changed": Model.company,
    "proof_sending": _paper("sending"),
    "proof_printed": _printed,
    "proof_requeued": _paper("queued"),
    "proof_unconfirmed": _paper("unconfirmed"),
    "proof_failed": _paper("failed"),
    "proof_ordered": _paper("queued"),
    "proof_handed_out": _paper("handed_out"),
    "proof_reported": lambda model, _s, _t, data: model.paper(data.invoice, paper.REPORTED[data.outcome]),
    "proof_resolved": lambda model, _s, _t, data: model.paper(data.invoice, paper.RESOLVED[data.verdict]),
    "copy_ordered": Model.copy_ordered,
}
"""Every other type says nothing that the model keeps."""
