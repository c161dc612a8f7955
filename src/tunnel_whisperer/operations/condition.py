"""How this machine stands: everything that ``tw status`` tells, as one value for programs.

The process that serves an identity asks here, too, with what it knows of itself.

Whatever is damaged, missing or forbidden becomes a problem in the list; nothing of it ends the look.
Nothing is written, so that a full disk is no obstacle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from ..audit import audit_state
from ..base.default_directory import SYSTEM_DIRECTORY
from ..base.errors import Misuse, TwError
from ..daemon.snapshot import HEARTBEAT_S, Snapshot, error_value, read_snapshot
from ..daemon.uplinks import proxy_choice
from ..pki import certificate_ends
from ..profile import Config, Context, Contexts, Profile, Running, load_config, who_runs
from ..provision.state import Phase, read_hint
from ..tenancy import RENEW_BEFORE, Standing, TenantBook, UserBook, check_signed_role

__all__ = ["Condition", "look"]

_SILENT_S = 3 * HEARTBEAT_S
"""A process that wrote nothing for so long hangs, or cannot write."""

_START = {"relay": "tw relay run", "server": "tw serve", "client": "tw connect"}
_WAY = {"proxy", "relay", "tunnel", "session"}
"""Layers that ``tw test relay`` looks at."""
_MAKE = (
    "tw connect FILE.zip, or tw connect TOKEN, if somebody sent you one",
    "tw join TOKEN, or tw join RELAY to ask for a slot, to be a server",
    "tw create relay-server, to make a relay on a machine of its own",
    "tw relay run --domain NAME, to be a relay",
    "tw demo, to see it all on this machine",
)


@dataclass(slots=True)
class Condition:
    """What was found."""

    value: dict[str, Any] = field(default_factory=dict)
    """Values of JSON; see ``look``."""
    problems: list[TwError] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    """What to do, the most urgent first."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        problems = [error_value(problem) for problem in self.problems]
        return {**self.value, "problems": problems, "next": self.next}

    def trying(self, what: object) -> _Trying:
        """Whatever is wrong inside a ``with`` of it is a problem, and no reason to stop.

        Args:
            what: is looked at, for faults that do not say where they are.
        """
        return _Trying(self.problems, str(what))


@dataclass(frozen=True, slots=True)
class _Trying:
    """See ``Condition.trying``."""

    problems: list[TwError]
    what: str

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(exc, TwError):
            self.problems.append(exc)
        elif isinstance(exc, OSError):
            where, why = str(exc.filename or self.what), exc.strerror or "cannot be read"
            hint = (
                "run it as the account that owns this directory" if isinstance(exc, PermissionError) else ""
            )
            self.problems.append(Misuse("file-unreadable", why, where=where, hint=hint))
        return isinstance(exc, (TwError, OSError))


def look(
    contexts: Contexts,
    wall_clock: Callable[[], float] = time.time,
    *,
    context: Context | None = None,
    live: Snapshot | None = None,
) -> Condition:
    """Look at everything.

    Args:
        context: to look at; None: the active one.
        live: what the role tells that serves this context in this very process (see
            ``daemon.snapshot``), in place of what a process last wrote.

    Returns:
        Its value has ``context`` (``id``, ``name``), ``directory``, ``role``, ``running`` (``pid``,
        ``command``, ``since``), ``proxy`` (``url``, ``from``), ``state`` (of the process that runs:
        see ``daemon.snapshot``), ``hosted`` (a relay on a machine that runs no tw), ``users`` or ``servers``, ``ports``, ``certificate_ends``,
        ``audit``, ``elsewhere`` (other contexts that run) and ``well``: true, false, or null where
        nothing runs. What does not apply is null.
    """
    found = Condition()
    context = context or _active(contexts, found)
    profile = context.profile if context is not None else Profile(contexts.base)
    value = found.value
    value["context"] = None if context is None else {"id": context.id, "name": context.name}
    value["directory"] = str(profile.directory)
    config = _configuration(profile, found)
    value["role"] = config.mode if config is not None else None
    value["relay"] = _relay(config)
    value["hosted"] = config is not None and config.mode == "relay" and bool(config.dials)
    value["running"], value["state"] = _process(profile, found, wall_clock(), live)
    value["proxy"] = _proxy(config, found)
    value["users"] = value["servers"] = value["ports"] = value["certificate_ends"] = value["audit"] = None
    if config is not None:
        _role_parts(config, profile, found, wall_clock())
    value["elsewhere"] = _elsewhere(contexts, context, found)
    value["well"] = _well(found)
    _next_steps(found, config)
    return found


def _active(contexts: Contexts, found: Condition) -> Context | None:
    with found.trying(contexts.base):
        return contexts.active()
    return None


def _configuration(profile: Profile, found: Condition) -> Config | None:
    with found.trying(profile.config):
        try:
            config = load_config(profile.config)
        except Misuse as exc:
            if exc.code == "not-set-up":  # what to do about that is the next step, and no problem
                return None
            raise
        with found.trying(profile.directory):
            check_signed_role(config, profile)
        return config
    return None


def _relay(config: Config | None) -> str | None:
    if config is None or not config.dials:
        return None
    return config.dials if config.mode == "relay" else f"{config.dials}:{config.xray.relay_port}"


def _process(
    profile: Profile, found: Condition, now: float, live: Snapshot | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Who runs, and what that process tells."""
    running = who_runs(profile)
    if live is not None:  # whoever asks is alive, whatever became of the lock and of the file
        who = _running(running or Running(os.getpid(), "", now))
        told = {"pid": os.getpid(), "written": now, **live}
        _tell_config(told, who["command"] or "tw", found)
        return who, told
    if running is None:
        _tell_hidden_lock(profile, found)
        return None, None
    state = read_snapshot(profile)
    who = _running(running)
    if state is None and now - running.since > _SILENT_S:
        found.problems.append(_silent(profile, "it has not told how it stands"))
    elif state is not None and now - float(state.get("written", 0)) > _SILENT_S:
        since = datetime.fromtimestamp(float(state["written"]), UTC).astimezone()
        found.problems.append(_silent(profile, f"it has told nothing since {since:%H:%M:%S}"))
    if state is not None:
        _tell_config(state, running.command, found)
    return who, state


def _running(running: Running) -> dict[str, Any]:
    return {"pid": running.pid or None, "command": running.command, "since": round(running.since)}


def _silent(profile: Profile, why: str) -> TwError:
    return Misuse(
        "timeout",
        f"{why}: it hangs, or cannot write there",
        where=str(profile.run / "state.json"),
        hint="is the disk full? else stop it and start it again",
    )


def _tell_hidden_lock(profile: Profile, found: Condition) -> None:
    lock = profile.run / "lock"
    with found.trying(lock):
        if lock.exists() and not os.access(lock, os.R_OK | os.W_OK):
            raise PermissionError(13, "whether it runs cannot be seen by this account", str(lock))


def _tell_config(state: dict[str, Any], command: str, found: Condition) -> None:
    """What the file has otherwise than the process that read it once."""
    config = state.get("config") or {}
    names = ", ".join(map(str, config.get("changed") or ()))
    if names:
        found.next.append(f"start {command} again: config.yaml changed since ({names})")


def _proxy(config: Config | None, found: Condition) -> dict[str, str] | None:
    if config is None or not config.dials:
        return None
    with found.trying("proxy"):
        return proxy_choice(config, os.environ).to_json()
    return None


def _role_parts(config: Config, profile: Profile, found: Condition, now: float) -> None:
    value = found.value
    if config.mode == "server":
        with found.trying(profile.users):
            value["users"] = _users(profile, value["state"], found)
    elif config.mode == "relay":
        with found.trying(profile.servers):
            value["servers"] = _servers(profile, value["state"])
    else:
        value["ports"] = _ports(config, value["state"])
    if config.mode != "relay":
        with found.trying(profile.client_cert):
            value["certificate_ends"] = _certificate(config, profile, found, now)
    if config.mode != "client":
        with found.trying(profile.audit):
            value["audit"] = _audit(profile, found)


def _users(profile: Profile, state: dict[str, Any] | None, found: Condition) -> list[dict[str, Any]]:
    book = UserBook(profile)
    users, faults = book.survey()
    found.problems += faults
    sessions: dict[str, list[dict[str, Any]]] = {}
    for session in (state or {}).get("sessions", []):
        sessions.setdefault(session["user"], []).append(session)
    rows = [
        {
            "name": user.name,
            "let_in": standing is Standing.LET_IN,
            "online": None if state is None else user.name in sessions,
            "sessions": sessions.pop(user.name, []),
        }
        for user, standing in zip(users, book.standings(users), strict=True)
    ]
    # Somebody whose line a person wrote has no record, and may be there all the same.
    rows += [
        {"name": name, "let_in": True, "online": True, "sessions": theirs}
        for name, theirs in sessions.items()
    ]
    return rows


def _servers(profile: Profile, state: dict[str, Any] | None) -> list[dict[str, Any]]:
    tenants = {tenant["server"]: tenant for tenant in (state or {}).get("tenants", [])}
    rows = []
    for record in TenantBook(profile).all():
        tenant = tenants.get(record.server_id, {})
        rows.append(
            {
                "server": record.server_id,
                "port": record.port,
                "online": None if state is None else bool(tenant.get("online")),
                "since": tenant.get("since"),
                "streams": tenant.get("streams", 0),
            }
        )
    return rows


def _ports(config: Config, state: dict[str, Any] | None) -> list[dict[str, Any]]:
    if state is not None and "ports" in state:
        return list(state["ports"])
    host = config.client.listen_address
    host = f"[{host}]" if ":" in host else host
    return [
        {
            "address": f"{host}:{grant.local_port}",
            "target": str(grant.target),
            "open": None,
            "opened": None,
            "error": None,
        }
        for grant in config.client.grants()
    ]


def _certificate(config: Config, profile: Profile, found: Condition, now: float) -> str:
    ends = certificate_ends(profile.read(profile.client_cert).decode("utf-8", "replace"))
    left = ends - datetime.fromtimestamp(now, UTC)
    who = "its server's admin" if config.mode == "client" else "tw serve, which renews it"
    if left <= timedelta(0):
        why, where = f"it expired on {ends:%Y-%m-%d}", str(profile.client_cert)
        hint = f"ask {who} for a new file" if config.mode == "client" else f"start {who}"
        found.problems.append(Misuse("bad-certificate", why, where=where, hint=hint))
    elif left <= RENEW_BEFORE and config.mode == "client":
        found.next.append(f"ask {who} for a new file: this one works until {ends:%Y-%m-%d}")
    return ends.isoformat()


def _audit(profile: Profile, found: Condition) -> dict[str, Any]:
    told = (found.value["state"] or {}).get("audit")
    if told is not None:  # the process knows better, also what it could not even count on disk
        return dict(told)
    state = audit_state(profile)
    if state.lost:
        found.problems.append(
            Misuse(
                "state-not-written",
                f"{state.lost} audit records are missing since {state.lost_since}",
                where=str(profile.audit),
                hint="make space on the disk: the gap is recorded then",
            )
        )
    return state.to_json()


def _elsewhere(contexts: Contexts, context: Context | None, found: Condition) -> list[dict[str, Any]]:
    """Other contexts of this machine that are served now."""
    with found.trying(contexts.base):
        others = [x for x in contexts.survey()[0] if context is None or x.id != context.id]
        running = [(other, who) for other in others if (who := who_runs(other.profile)) is not None]
        return [
            {"id": other.id, "name": other.name, "command": who.command, "pid": who.pid or None}
            for other, who in running
        ]
    return []


def _well(found: Condition) -> bool | None:
    state = found.value["state"]
    if found.problems:
        return False
    if state is None:
        return None
    return all(row["state"] == "ok" for row in state["health"])


def _next_steps(found: Condition, config: Config | None) -> None:
    value, steps = found.value, found.next
    if config is None:
        if not found.problems:
            steps += _MAKE
            steps += _of_the_system(Path(value["directory"]))
        return
    if config.missing() and config.mode == "server":
        steps.append("tw join --apply RESPONSE, with the file that the relay's admin sends back")
        steps.append("tw join RELAY, to write the request once more")
        return
    if value["hosted"] and not _has_machine(Profile(Path(value["directory"]))):
        steps.append("tw create relay-server, to make its machine or go on with it")
    if value["running"] is None and not value["hosted"] and not _blocks_start(found):
        steps.append(_START[config.mode])
    if config.mode == "server" and value["users"] == []:
        steps.append("tw create user NAME -m PORT, to let somebody in")
    if config.mode == "relay" and value["servers"] == []:
        if not value["hosted"]:  # who would answer an invitation there?
            steps.append("tw enroll --invite --name ID, to invite a server")
        steps.append("tw enroll REQUEST, to admit one that asked")
    failed = [row["layer"] for row in (value["state"] or {}).get("health", []) if row["state"] == "failed"]
    if config.mode != "relay" and set(failed) & _WAY:
        steps.append("tw test relay, to go that way step by step")


def _has_machine(profile: Profile) -> bool:
    try:
        hint = read_hint(profile)
    except Misuse:  # its command says what is wrong with it
        return True
    return hint is not None and hint.phase is Phase.MADE


def _of_the_system(looked_at: Path) -> list[str]:
    """Where to look as well, if somebody else has set this machine up."""
    if looked_at == SYSTEM_DIRECTORY or not hasattr(os, "geteuid") or os.geteuid() == 0:
        return []
    try:
        there = SYSTEM_DIRECTORY.exists()
    except OSError:  # not for this account to see
        there = True
    return [f"sudo tw status, for what root has set up in {SYSTEM_DIRECTORY}"] if there else []


def _blocks_start(found: Condition) -> bool:
    return any(problem.code in ("wrong-role", "bad-config", "not-set-up") for problem in found.problems)
