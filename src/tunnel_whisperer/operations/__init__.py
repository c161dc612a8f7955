"""What a person does to an identity, one kind a file: shared by the command line and the API.

Stands above the daemon and the control plane, which it joins for one act at a time, and below the
command line and the API. Plain synchronous functions that raise ``TwError``; nothing is printed and
nothing is asked here.

Whoever acts imports the module of that kind (``from ..operations.users import create_user``): this
file imports none of them, so that a command loads what it needs and nothing else.
"""

__all__: list[str] = []
