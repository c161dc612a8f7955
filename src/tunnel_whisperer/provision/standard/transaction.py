"""One change of the machine as one script: all of it holds at the end, or what was before.

The script is sent whole and runs to its end by itself, so that a connection that breaks in the
middle, which may well be through the relay that is being changed, leaves nothing half done. It
prints ``step ...`` before each step and ``done`` at the end, or ``failed ...`` with the reason.

    1 put the files in place, keeping the old ones      4 let sshd and Caddy take what is new
    2 ask each program whether it would take its files  5 see that all doors are open
    3 open the new doors in Xray, live                  6 shut the old ones and cut who came by them

Up to step 5 a failure puts everything back. Step 6 cannot fail in a way that would matter.
Nothing is restarted: streams of others go on. Xray forgets what it was told live, and reads the
same from its file when it starts.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from shlex import quote

from .files import File
from .machine_state import Difference
from .site import Layout, Site
from .xray_config import inbound

__all__ = ["transaction"]

_FRAME = """\
set -u
umask 077
mkdir -p {work}
exec 9>{work}/lock
flock -w 120 9 || {{ echo "failed another change is under way"; exit 75; }}
rm -rf {work}/old {work}/live
mkdir -p {work}/old {work}/live
exec 2>>{work}/said
step() {{ echo "step $1"; : >{work}/said; }}
api() {{ command=$1; shift; xray api "$command" -s=127.0.0.1:{api_port} "$@"; }}
keep() {{
    if [ ! -e "$1" ]; then echo "$1" >>{work}/old/absent; return; fi
    mkdir -p "{work}/old$(dirname "$1")" && cp -p "$1" "{work}/old$1"
}}
put() {{  # path mode group, content on standard input
    mkdir -p -m 755 "$(dirname "$1")"
    base64 -d >"$1.tw-new" && chown "root:$3" "$1.tw-new" && chmod "$2" "$1.tw-new" && mv -f "$1.tw-new" "$1"
}}
put_back() {{
    for path in {written}; do
        rm -f "$path.tw-new"
        if [ -e "{work}/old$path" ]; then
            cp -p "{work}/old$path" "$path.tw-new" && mv -f "$path.tw-new" "$path"
        elif grep -qxF "$path" {work}/old/absent 2>/dev/null; then
            rm -f "$path"
        fi
    done
}}
listens() {{
    [ -n "$(ss -Hltn "sport = :$1")" ]
}}
shut() {{  # Open connections would go on serving its users (wire spec 0.7).
    api rmu -tag="$1" $(api inbounduser -tag="$1" | sed -n 's/.*"email": "\\(.*\\)".*/\\1/p') >&2
    api rmi "$1" >&2
}}
cut_off() {{  # End the session that holds the port: whatever runs through it ends with it.
    for pid in $(ss -Hltnp "sport = :$1" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
        kill "$pid"
    done
}}
forget_users() {{  # of servers that are gone
    for file in {users}/*; do
        grep -qF " ${{file##*/}} slot-" {keys} || rm -f "$file"
    done
}}
undo() {{  # with the last words of the program that failed
    said=$(tail -n 1 {work}/said | tr -d '\\000-\\037' | cut -c 1-300)
    echo "failed $1${{said:+: $said}}"
    put_back
{undo}    exit 1
}}
"""


def transaction(site: Site, change: Difference) -> str:
    """The script that makes the change; for ``sh``, as root.

    Args:
        change: as ``difference`` found it just now.
    """
    steps = [
        *_put(change.write),
        *_check(site.layout, change.write),
        *_open_doors(site, change),
        *_reload(site.layout, change),
        *(_step(f"starting {name}", f"systemctl start {name} >&2") for name in change.stopped),
        *_see(site),
        *_shut_doors(site.layout, change),
        "echo done\n",
    ]
    return _frame(site.layout, change) + "".join(steps)


def _frame(layout: Layout, change: Difference) -> str:
    undo = [f"    api rmi {tag} >/dev/null 2>&1\n" for tag in change.add_inbounds]
    undo += [f"    {{ {command}; }} >/dev/null 2>&1\n" for _, command in _reload_commands(layout, change)]
    return _FRAME.format(
        work=quote(layout.work),
        api_port=layout.api_port,
        users=quote(layout.users),
        keys=quote(layout.authorized_keys),
        written=" ".join(quote(file.path) for file in change.write) or '""',
        undo="".join(undo),
    )


def _step(words: str, *commands: str | _Fed) -> str:
    """Commands of which none may fail."""
    lines = [f"step {quote(words)}\n"]
    for command in commands:
        fed = command if isinstance(command, _Fed) else _Fed(command)
        lines.append(fed.line(f" || undo {quote(words)}"))
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class _Fed:
    """A command and what it reads."""

    command: str
    text: str | None = None

    def line(self, otherwise: str) -> str:
        if self.text is None:
            return f"{self.command}{otherwise}\n"
        return f"{self.command} <<'END'{otherwise}\n{self.text.rstrip()}\nEND\n"


def _put(written: tuple[File, ...]) -> list[str]:
    kept = [_step("keeping what is there", *(f"keep {quote(file.path)}" for file in written))]
    return kept * bool(written) + [
        _step(
            f"writing {file.path}",
            _Fed(
                f"put {quote(file.path)} {file.mode:o} {file.group}",
                base64.encodebytes(file.text.encode()).decode(),
            ),
        )
        for file in written
    ]


def _check(layout: Layout, written: tuple[File, ...]) -> list[str]:
    paths = {file.path for file in written}
    asked = []
    if _is_caddys(layout, paths):
        asked.append(("Caddy", f"caddy validate --adapter caddyfile --config {quote(layout.caddyfile)}"))
    if layout.xray_config in paths:
        asked.append(("Xray", f"xray run -test -config {quote(layout.xray_config)}"))
    if layout.sshd_drop_in in paths or layout.host_key in paths:
        asked.append(("sshd", f"sshd -t -f {quote(layout.sshd_config)}"))
    if layout.firewall in paths:
        asked.append(("nft", f"nft -c -f {quote(layout.firewall)}"))
    return [_step(f"asking {name} whether it takes its files", f"{command} >&2") for name, command in asked]


def _is_caddys(layout: Layout, paths: set[str]) -> bool:
    return layout.caddyfile in paths or any(path.startswith(f"{layout.tenant_cas}/") for path in paths)


def _open_doors(site: Site, change: Difference) -> list[str]:
    if "xray" in change.stopped:
        return []  # it reads them from its file
    tenants = {tenant.tag: tenant for tenant in site.tenants}
    steps = []
    for tag in change.add_inbounds:
        commands: list[str | _Fed] = []
        if tag in change.remove_inbounds:  # of another server, which is gone
            commands.append(f"api rmi {tag} >&2")
        commands.append(_Fed("api adi stdin: >&2", json.dumps({"inbounds": [inbound(tenants[tag])]})))
        steps.append(_step(f"opening {tag} in Xray", *commands))
    return steps


def _reload(layout: Layout, change: Difference) -> list[str]:
    return [
        _step(f"reloading {name}", f"{command} >&2") for name, command in _reload_commands(layout, change)
    ]


def _reload_commands(layout: Layout, change: Difference) -> list[tuple[str, str]]:
    paths = {file.path for file in change.write} | set(change.remove)
    commands = []
    if layout.sshd_drop_in in paths or layout.host_key in paths:
        # The socket of ssh.socket takes its address from sshd's configuration at a daemon-reload.
        restart = "if systemctl -q is-active ssh.socket; then systemctl restart ssh.socket; fi"
        commands.append(
            ("sshd", f"systemctl daemon-reload && {{ {restart}; }} && systemctl reload-or-restart ssh")
        )
    if _is_caddys(layout, paths):
        commands.append(("Caddy", "systemctl reload caddy"))
    if layout.firewall in paths:
        commands.append(("the firewall", f"nft -f {quote(layout.firewall)}"))
    return commands


def _see(site: Site) -> list[str]:
    ports = [site.layout.https_port, *(tenant.inbound_port for tenant in site.tenants)]
    return [
        _step(
            "seeing that all doors are open",
            f'for port in {" ".join(map(str, ports))}; do listens $port || undo "port $port is shut"; done',
        )
    ]


def _shut_doors(layout: Layout, change: Difference) -> list[str]:
    lines = []
    for tag in change.remove_inbounds:
        lines.append(f"step {quote(f'shutting {tag}')}\n")
        if tag not in change.add_inbounds:
            lines.append(f"shut {tag}\n")
        lines.append(f"cut_off {tag.rpartition('-')[2]}\n")
    lines += [f"rm -f {quote(path)}\n" for path in change.remove]
    if change.add_inbounds or change.remove_inbounds:
        lines.append("forget_users\n")
        lines.append(f"{quote(layout.users_script)} --all >&2\n")
    return lines
