"""The composition roots: one per role, where the data path and the control plane meet.

Stands above everything but the command line. Reads an identity from its directory (profile,
tenancy), builds the relay, server or client that it describes, and watches its files.

Its modules are imported one by one: most commands look at what a role left behind, and start none.
"""

__all__: list[str] = []
