"""The verbs of the business, one file each: read, check, append inside one journal transaction.

A verb is a function that checks what needs no journal at once (in the caller's thread) and returns an `Action` for
`Journal.submit`. Nothing else writes.
"""
