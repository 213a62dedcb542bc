"""Entries: what happened, one class a type; `envelope` says in which bytes.

Here are all of them under one name, and the table of their types.
"""

from __future__ import annotations

import msgspec

from einvoiced.journal.entries.box import *  # noqa: F403
from einvoiced.journal.entries.envelope import *  # noqa: F403
from einvoiced.journal.entries.envelope import EntryData, Envelope
from einvoiced.journal.entries.invoices import *  # noqa: F403
from einvoiced.journal.entries.paper import *  # noqa: F403
from einvoiced.journal.entries.tracks import *  # noqa: F403
from einvoiced.journal.entries.uploads import *  # noqa: F403

TYPES: dict[str, type[EntryData]] = {cls.TYPE: cls for cls in EntryData.__subclasses__()}


def read_data(envelope: Envelope) -> EntryData:
    """The typed data of an entry; KeyError for a type that this version does not know."""
    return msgspec.json.decode(envelope.data, type=TYPES[envelope.type])
