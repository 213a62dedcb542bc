"""JSON-RPC 2.0, one object a line: `protocol` is the wire, `methods` the verbs, `server` the Unix sockets.

Methods know no transport: they get decoded parameters and a `Peer`, and give a value or an awaitable.
"""
