"""The MAC of an answer's place in the journal: by it a till can prove that it has seen a later one."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

from einvoiced.journal import entries

_NEW_KEY = "SELECT body FROM entries WHERE sequence = (SELECT entry FROM facts WHERE name = 'mac_key')"


def answer_mac(journal: str, secret: bytes, epoch: int, sequence: int) -> str:
    """32 hex digits over the journal's id and the entry's place."""
    return hashlib.blake2b(f"{journal}:{epoch}:{sequence}".encode(), digest_size=16, key=secret).hexdigest()


@dataclass(frozen=True, slots=True)
class MacKey:
    """A journal's key, and the first epoch whose answers have MACs by it."""

    secret: bytes
    since: int

    def may_have_made(self, journal: str, epoch: int, sequence: int, mac: str) -> bool:
        """Whether a MAC is right, or older than the key and so not to be checked."""
        return epoch < self.since or mac == answer_mac(journal, self.secret, epoch, sequence)


def mac_key_epoch(db: sqlite3.Connection) -> int:
    """The first epoch whose answers have MACs by this journal's key: the key of the ones before may be lost."""
    row = db.execute(_NEW_KEY).fetchone()
    return 1 if row is None else entries.read(row[0]).epoch
