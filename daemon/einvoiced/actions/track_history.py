"""`tracks.history` (查詢歷程記錄): who brought, typed, stopped, gave away and closed what, and when; newest first."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from einvoiced.errors import InvalidParams
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction

MOST = 200
SHOWN = 10
"""Ranges and runs that one event names; the rest are counted."""

_PAGE = """
SELECT entries.sequence, body FROM track_events JOIN entries USING (sequence)
WHERE entries.sequence < ? ORDER BY entries.sequence DESC LIMIT ?
"""


class TrackEvent(Struct, frozen=True):
    """One thing that happened to tracks. `what`: the entry's type; `who`: persons named; `uid`: the kernel's word."""

    sequence: int
    time: str
    what: str
    who: list[str]
    uid: int | None
    source: str
    tracks: list[str]
    more: int
    detail: str


class History(Struct, frozen=True):
    """A page; `before` is the next page's, None at the end."""

    events: list[TrackEvent]
    before: int | None


def track_history(before: int | None, limit: int) -> Action[History]:
    """At most `limit` (1 to 200) events before an entry's sequence. InvalidParams for another limit."""
    if not 1 <= limit <= MOST:
        raise InvalidParams("limit", detail=f"1 to {MOST}")

    def action(tx: Transaction) -> History:
        rows = tx.all(_PAGE, before if before is not None else 1 << 62, limit)
        events = [_event(entries.read(body)) for _, body in rows]
        return History(events, rows[-1][0] if len(rows) == limit else None)

    return action


def _event(envelope: entries.Envelope) -> TrackEvent:
    data = entries.read_data(envelope)
    peer: entries.Peer | None = getattr(data, "peer", None)
    who = list(getattr(data, "typed_by", ())) or [
        name for field in ("person", "technician") if (name := getattr(data, field, ""))
    ]
    tracks = list(_tracks(data))
    return TrackEvent(
        envelope.sequence,
        envelope.time,
        envelope.type,
        who,
        peer.uid if peer is not None else None,
        getattr(data, "source", peer.socket if peer is not None else ""),
        tracks[:SHOWN],
        max(0, len(tracks) - SHOWN),
        _detail(data),
    )


def _tracks(data: entries.EntryData) -> Iterable[str]:
    if isinstance(data, entries.TracksImported):
        return (f"{r.year_month} {r.track} {r.begin:08d}-{r.end:08d} ({r.share})" for r in data.ranges)
    if isinstance(data, entries.TracksReserved):
        return [_run(data.run)]
    if isinstance(data, entries.PeriodClosed):
        return [_run(run) for run in data.unused]
    if isinstance(data, (entries.TracksHeld, entries.TracksUnheld, entries.TracksReleased)):
        return [f"{data.year_month} {data.track} {data.begin:08d}"]
    if isinstance(data, (entries.ShareChanged, entries.PeriodReopened, entries.UnusedReported)):
        return [data.year_month]
    return [data.year_month] if isinstance(data, entries.TracksExported) else []


def _run(run: entries.Run) -> str:
    return f"{run.year_month} {run.track} {run.first:08d}-{run.last:08d}"


def _detail(data: entries.EntryData) -> str:
    """What else a person wants to know, never a typed value."""
    if isinstance(data, (entries.TracksReserved, entries.TracksHeld)):
        return data.reason
    if isinstance(data, entries.TracksImported):
        return data.file_name
    if isinstance(data, entries.TracksRefused):
        return f"{data.file_name}: {data.error}, line {data.line}"
    if isinstance(data, entries.TracksReleased):
        return f"last used elsewhere: {'none' if data.last_used is None else f'{data.last_used:08d}'}"
    if isinstance(data, entries.TypingDiffered):
        return f"differs from {data.typing} in {', '.join(data.fields)}"
    if isinstance(data, entries.ShareChanged):
        return data.share
    return data.form if isinstance(data, entries.TracksExported) else ""
