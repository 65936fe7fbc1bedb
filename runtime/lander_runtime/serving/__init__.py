"""Policies as an HTTP service: the Open Inference Protocol, version 2 (the extra `serve`).

protocol.py   bytes of a request -> observations; outputs -> bytes of an answer
batching.py   requests that arrive together run together
metrics.py    what Prometheus reads
app.py        the routes
server.py     the socket: start, stop
naming.py     the name of each policy in the addresses

`protocol` knows no sockets and `batching` no HTTP; `app` is the only file that knows both.
"""
