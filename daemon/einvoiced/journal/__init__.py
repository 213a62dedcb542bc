"""The journal: one append-only chain of entries in SQLite, its projections, and the one thread that writes.

`entries` says what an entry is, `schema` where it is kept, `projections` what is derived from it, `store` how the file
is opened and proven, `writer` who may write. Witnesses, ceilings, verify and backup have their rooms here.
"""
