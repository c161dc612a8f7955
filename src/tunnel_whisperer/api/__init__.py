"""The local API: one process's state and acts, for the command line, the dashboard and programs.

Stands above ``daemon`` and ``operations``, below ``dashboard`` and ``cli``. REST and server-sent
events on a Unix socket and on a loopback port; nothing of it is reached without a key of ``gate``.
"""

__all__: list[str] = []
