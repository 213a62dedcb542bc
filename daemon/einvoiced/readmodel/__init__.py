"""The read model: what people ask of invoices, in tables of its own, built from the entries by a child process.

`find.db` lies beside the journal and is no part of it: lost or damaged, it is built anew. It is never on the path of an
issue. Before every answer it catches up with what was committed before the question.
"""
