"""The only sockets: dial, TLS, HTTP connections, XHTTP streams, listen, splice.

Stands between the operating system and everything that moves bytes. May import base and wire.
"""
