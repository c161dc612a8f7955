"""What a person does to an identity, one kind a file: shared by the command line and the API.

Stands above the daemon and the control plane, which it joins for one act at a time, and below the
command line and the API. Functions that raise ``TwError``; nothing is printed and nothing is asked
here. They are plain ones, and ``async`` where they wait for another machine: these hold up no event
loop, and may be cancelled.

Whoever acts imports the module of that kind (``from ..operations.users import create_user``): this
file imports none of them, so that a command loads what it needs and nothing else.
"""

__all__: list[str] = []
