"""The local ports of a client, found by whichever number a person has in mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..base.errors import Misuse
from ..base.values import Grant, HostPort

__all__ = ["LocalPorts", "UnknownPort", "find_grant", "pick_ports"]

_HIGHEST_PORT = 65535


class UnknownPort(Misuse, KeyError):
    """A mapping's KeyError that is one of ours as well."""


class LocalPorts(Mapping["int | str", int]):
    """From what was granted to the port of 127.0.0.1 that leads there.

    A key is the local port that ``tw connect`` would open, else the target's port if only one
    target has it, else ``host:port``, under which each target is found, and which ``for`` gives.

    Args:
        opened: each grant as the file has it, and the port that was opened.
    """

    def __init__(self, opened: Sequence[tuple[Grant, int]]) -> None:
        self._opened = dict(opened)

    def __getitem__(self, key: int | str) -> int:
        return self._opened[find_grant(list(self._opened), key)]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(str(grant.target) for grant in self._opened))

    def __len__(self) -> int:
        return len({grant.target for grant in self._opened})

    def __repr__(self) -> str:
        return repr(dict(self))


def find_grant(grants: Sequence[Grant], key: object) -> Grant:
    """The one that ``key`` means; see ``LocalPorts``.

    Raises:
        UnknownPort: none, or more than one.
    """
    if not grants:
        raise UnknownPort("no-such-name", "no port is open", hint="with connect(..) as t:")
    if isinstance(key, str):
        try:
            wanted = HostPort.parse(key, 0)
        except Misuse as exc:
            raise UnknownPort("no-such-name", exc.why, hint=_choice(grants)) from None
        found = [grant for grant in grants if grant.target == wanted]
    else:
        found = [grant for grant in grants if grant.local_port == key]
        found = found or [grant for grant in grants if grant.target.port == key]
    if len({grant.target for grant in found}) == 1:
        return found[0]  # whichever of the local ports that lead there
    why = "is the port of more than one target" if found else "is not among what this file grants"
    raise UnknownPort("no-such-name", f"{key!r} {why}", hint=_choice(found or grants))


def _choice(grants: Sequence[Grant]) -> str:
    return " or ".join(dict.fromkeys(repr(str(grant.target)) for grant in grants))


def pick_ports(grants: Sequence[Grant], wishes: Mapping[int | str, int]) -> tuple[Grant, ...]:
    """The grants with the local ports to open: those wished for, and 0, which takes a free one.

    Args:
        wishes: by the keys of ``LocalPorts``.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument`` for what is no port.
    """
    local = dict.fromkeys(grants, 0)
    for key, port in wishes.items():
        grant = find_grant(grants, key)
        if type(port) is not int or not 0 <= port <= _HIGHEST_PORT:
            raise Misuse("bad-argument", f"{port!r} is not a port number", where=f"ports[{key!r}]")
        local[grant] = port
    return tuple(Grant(port, grant.target) for grant, port in local.items())
