"""What stands on the machine now: asked in one go, and compared with what should stand there.

The answer is lines of words, one fact each, so that a shell without any program of ours can give it:

    file SHA256 PATH          a file of ours, or one in the folder of CAs
    inbound TAG               Xray has it
    user TAG EMAIL            it lets this one in
    service NAME STATE        as systemd calls it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from shlex import quote

from ...base.errors import PeerFault
from .files import File, files
from .site import Layout, Site

__all__ = ["Difference", "MachineState", "difference", "parse_state", "state_script"]

SERVICES = ("caddy", "xray", "ssh")
_MAX_LINES = 100_000
"""512 tenants with 150 users each fit."""


@dataclass(frozen=True, slots=True)
class MachineState:
    """What the machine said of itself."""

    files: dict[str, str] = field(default_factory=dict)
    """Path -> SHA-256."""
    users: dict[str, frozenset[str]] = field(default_factory=dict)
    """Inbound -> who it lets in."""
    services: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to be done, in the terms of the machine; empty where nothing has."""

    write: tuple[File, ...] = ()
    remove: tuple[str, ...] = ()
    """Files of CAs of nobody."""
    add_inbounds: tuple[str, ...] = ()
    remove_inbounds: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    """Services that do not run."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)

    def in_words(self) -> list[str]:
        """For a person, one line each."""
        return [
            *(f"{file.path} is not as it should be" for file in self.write),
            *(f"{path} should not be there" for path in self.remove),
            *(f"Xray has no {tag}" for tag in self.add_inbounds),
            *(f"Xray still has {tag}" for tag in self.remove_inbounds),
            *(f"{name} does not run" for name in self.stopped),
        ]


def state_script(layout: Layout) -> str:
    """A script for ``sh`` that prints the state. Changes nothing; needs to be root."""
    fixed = " ".join(
        quote(path)
        for path in (
            layout.caddyfile,
            layout.authorized_keys,
            layout.sshd_drop_in,
            layout.firewall,
            layout.host_key,
            layout.xray_config,
        )
    )
    api = f"xray api {{}} -s=127.0.0.1:{layout.api_port}"
    return f"""\
for file in {fixed} {quote(layout.tenant_cas)}/*.crt; do
    [ -f "$file" ] && echo "file $(sha256sum <"$file" | cut -d' ' -f1) $file"
done
for name in {" ".join(SERVICES)}; do
    state=$(systemctl is-active "$name" 2>/dev/null)
    # Socket-activated, it runs only when somebody asks for it.
    [ "$name" = ssh ] && [ "$state" != active ] && state=$(systemctl is-active ssh.socket 2>/dev/null)
    echo "service $name $state"
done
tags=$({api.format("lsi")} -isOnlyTags=true 2>/dev/null | sed -n 's/.*"tag": "\\(slot-[0-9]*\\)".*/\\1/p')
for tag in $tags; do
    echo "inbound $tag"
    {api.format("inbounduser")} -tag="$tag" 2>/dev/null | sed -n "s/.*\\"email\\": \\"\\([^\\"]*\\)\\".*/user $tag \\1/p"
done
echo end
"""


def parse_state(text: str) -> MachineState:
    """What ``state_script`` printed.

    Raises:
        PeerFault: ``bad-answer`` when it is cut off, or something else.
    """
    found: dict[str, str] = {}
    users: dict[str, set[str]] = {}
    services: dict[str, str] = {}
    lines = text.splitlines()
    if len(lines) > _MAX_LINES or not lines or lines[-1] != "end":
        raise PeerFault("bad-answer", "the relay's machine did not tell its state to the end")
    for line in lines[:-1]:
        if not line.isprintable():  # it would be shown to a terminal
            raise PeerFault("bad-answer", f"the relay's machine said {line[:80]!r} of its state")
        match line.split(" ", 2):
            case ["file", digest, path]:
                found[path] = digest
            case ["inbound", tag]:
                users.setdefault(tag, set())
            case ["user", tag, email]:
                users.setdefault(tag, set()).add(email)
            case ["service", name, state]:
                services[name] = state
            case _:
                raise PeerFault("bad-answer", f"the relay's machine said {line[:80]!r} of its state")
    return MachineState(found, {tag: frozenset(names) for tag, names in users.items()}, services)


def difference(site: Site, state: MachineState) -> Difference:
    """What has to be done so that the machine is as the site has it."""
    wanted = {file.path: file for file in files(site)}
    doors = {tenant.tag: tenant.server_mark for tenant in site.tenants}
    # Another server's door, or one that lost its server, is made anew. Users are not looked at.
    stay = {tag for tag, mark in doors.items() if mark in state.users.get(tag, ())}
    return Difference(
        write=tuple(file for path, file in wanted.items() if state.files.get(path) != file.digest),
        remove=tuple(sorted(state.files.keys() - wanted.keys())),
        add_inbounds=tuple(sorted(doors.keys() - stay)),
        remove_inbounds=tuple(sorted(state.users.keys() - stay)),
        stopped=tuple(name for name in SERVICES if state.services.get(name, "active") != "active"),
    )
