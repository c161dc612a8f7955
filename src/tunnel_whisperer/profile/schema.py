# ruff: noqa: RUF009 - the calls in the classes declare fields, their values are immutable
"""config.yaml as a table: each field once, with its kind, default and meaning.

Reading, writing and the reference page are made from this. A field's string-like help text is the
``meaning`` argument, so that the page can print it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

from ..base.log import LEVELS
from ..base.values import Grant, HostPort
from .kinds import (
    ADDRESS,
    FLAG,
    HOST,
    KEY_LINE,
    LISTEN,
    PATH,
    PEM,
    PORT,
    PROXY,
    SIGNATURE,
    URL_PATH,
    USER,
    UUID,
    Choice,
    Kind,
    Whole,
)

__all__ = [
    "FORMAT_VERSION",
    "MODES",
    "AnalyticsConfig",
    "ClientConfig",
    "Config",
    "Declared",
    "Many",
    "Pairs",
    "RelayConfig",
    "Section",
    "ServerConfig",
    "TunnelEntry",
    "XrayConfig",
    "declared",
]

FORMAT_VERSION = 1
"""Of config.yaml. Goes up when an older program would misread the file."""

MODES = ("relay", "server", "client")

T = TypeVar("T")

_OWN = ("it is in this machine's certificate", "tw create context NAME makes another identity")
_RELAYS = ("the relay gave it", "tw join --apply with a new response of the relay's admin")
_SERVERS = ("the server gave it", "ask its admin for a new file: tw import FILE.zip")
_ISSUERS = (
    "it came with this identity",
    "a new file of the server's admin, or a new response of the relay's, brings another",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A field that is a group of fields."""

    cls: type[Any]
    modes: tuple[str, ...] = MODES
    """Modes that use it."""


@dataclass(frozen=True, slots=True)
class Many:
    """A field that is a list of groups."""

    cls: type[Any]


@dataclass(frozen=True, slots=True)
class Pairs:
    """A field that maps one kind to another."""

    key: Kind[int]
    value: Kind[int]


@dataclass(frozen=True, slots=True)
class Declared:
    """One row of the table."""

    name: str
    shape: Kind[Any] | Section | Many | Pairs
    default: Any
    """``MISSING`` where a value must be given."""
    meaning: str
    needed_by: tuple[str, ...] = ()
    """Modes that cannot work without it."""
    modes: tuple[str, ...] = ()
    """Modes that use it, where they are not those of its group."""
    reserved_for: str = ""
    """What will use it; until then it is read and kept, and has no effect."""
    fixed: tuple[str, str] | None = None
    """Why ``tw config set`` does not change it, and what does."""


def _setting(
    default: T,
    shape: Kind[T] | Section | Many | Pairs | Any,
    meaning: str,
    *,
    needed_by: tuple[str, ...] = (),
    modes: tuple[str, ...] = (),
    reserved_for: str = "",
    fixed: tuple[str, str] | None = None,
    shown: bool = True,
) -> T:
    """A field; typed as its default, which is how dataclass fields are declared."""
    row = {"shape": shape, "meaning": meaning, "needed_by": needed_by, "modes": modes, "fixed": fixed}
    return field(default=default, repr=shown, metadata={**row, "reserved_for": reserved_for})


def _required(kind: Kind[T], meaning: str, *, fixed: tuple[str, str] | None = None) -> T:
    row = {
        "shape": kind,
        "meaning": meaning,
        "needed_by": (),
        "modes": (),
        "reserved_for": "",
        "fixed": fixed,
    }
    return field(metadata=row)  # type: ignore[no-any-return]


def declared(cls: type[Any]) -> Iterator[Declared]:
    """The rows of one group, in the order in which they are written."""
    entry: Field[Any]
    for entry in fields(cls):
        data = entry.metadata
        yield Declared(entry.name, default=entry.default, **data)


@dataclass(frozen=True, slots=True)
class XrayConfig:
    """The way to the relay."""

    uuid: uuid.UUID | None = _setting(
        None, UUID, "VLESS user id of this machine", needed_by=("server", "client"), fixed=_OWN, shown=False
    )
    relay_host: str = _setting(
        "", HOST, "name or address of the relay; the name is what its certificate must carry",
        needed_by=("server", "client"),
    )  # fmt: skip
    relay_port: int = _setting(443, PORT, "TCP port of the relay")
    path: str = _setting(
        "", URL_PATH, "the server's slot at the relay, /tw/<server-id>",
        needed_by=("server", "client"), fixed=_ISSUERS,
    )  # fmt: skip
    transport: str = _setting(
        "auto", Choice(("auto", "stream-one", "stream-up", "packet-up")),
        "how the stream is cut into HTTP requests; auto tries them in this order",
    )  # fmt: skip
    http: str = _setting("auto", Choice(("auto", "2", "1.1")), "HTTP version; auto lets TLS agree on it")
    relay_ca: str = _setting(
        "",
        PEM,
        "certificate of the relay's private CA; empty trusts the public ones of this machine",
        fixed=_ISSUERS,
        shown=False,
    )


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What a server runs, and its slot at the relay."""

    ssh_port: int = _setting(
        2222, PORT, "loopback port of the server's own SSH", reserved_for="logging in at the server itself"
    )
    dashboard_port: int = _setting(8080, PORT, "port of dashboard and API", modes=MODES)
    dashboard_listen: str = _setting(
        "127.0.0.1", ADDRESS, "interface of dashboard and API; any but loopback needs a password", modes=MODES
    )
    relay_ssh_port: int = _setting(
        22, PORT, "port of the relay's SSH, as seen from the relay itself", fixed=_RELAYS
    )
    relay_ssh_user: str = _setting(
        "", USER, "user at the relay's SSH: the server id", needed_by=("server",), fixed=_RELAYS
    )
    relay_host_key: str = _setting(
        "", KEY_LINE, "the relay's SSH host key; any other is refused", needed_by=("server",), fixed=_RELAYS
    )
    remote_port: int = _setting(
        0, Whole(1024, 65535), "the port at the relay that leads to this server",
        needed_by=("server",), fixed=_RELAYS,
    )  # fmt: skip
    announce_users: bool = _setting(
        False, FLAG, "tell the relay the ids of the users, as a standard relay needs it", fixed=_RELAYS
    )


@dataclass(frozen=True, slots=True)
class TunnelEntry:
    """A local port and where it leads."""

    local_port: int = _required(PORT, "port opened on this machine")
    remote_host: str = _required(HOST, "target as the server dials it; 127.0.0.1 is the server itself")
    remote_port: int = _required(PORT, "port of the target")


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a client reaches, and the ports it opens for that."""

    ssh_user: str = _setting(
        "tw", USER, "user at the server's SSH", modes=("client", "server"),
        fixed=("server and clients must have the same", "leave it as it is"),
    )  # fmt: skip
    server_ssh_port: int = _setting(
        0, Whole(1024, 65535), "the port at the relay that leads to the server",
        needed_by=("client",), fixed=_SERVERS,
    )  # fmt: skip
    server_host_key: str = _setting(
        "", KEY_LINE, "the server's SSH host key; any other is refused", needed_by=("client",), fixed=_SERVERS
    )
    listen_address: str = _setting("127.0.0.1", ADDRESS, "interface of the local ports")
    tunnels: tuple[TunnelEntry, ...] = _setting(
        (), Many(TunnelEntry), "local ports and their targets", fixed=_SERVERS
    )
    port_overrides: tuple[tuple[int, int], ...] = _setting(
        (), Pairs(PORT, PORT), "port as given: port that this machine opens instead",
        fixed=("it has a command of its own", "tw set-port PORT LOCAL"),
    )  # fmt: skip
    revision: int = _setting(
        0, Whole(0, 10**9), "how often the server had changed this user when it wrote the file",
        fixed=_SERVERS,
    )  # fmt: skip

    def grants(self) -> tuple[Grant, ...]:
        """The ports to open, with this machine's own choices applied."""
        own = dict(self.port_overrides)
        return tuple(
            Grant(own.get(x.local_port, x.local_port), HostPort(x.remote_host, x.remote_port))
            for x in self.tunnels
        )


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """A relay's own part: of an embedded one, or of a standard one on a machine of its own."""

    kind: str = _setting(
        "embedded", Choice(("embedded", "standard")), "tw relay run, or Caddy, Xray and OpenSSH elsewhere",
        fixed=("a relay is one or the other", "tw create context NAME makes another identity"),
    )  # fmt: skip
    ssh_open: bool = _setting(
        False, FLAG, "standard: port 22 of the machine is open to everybody",
        fixed=("the machine has to follow", "tw relay close-ssh, or tw create relay-server --ssh-open"),
    )  # fmt: skip
    listen: str = _setting(":443", LISTEN, "where the relay listens")
    domain: str = _setting(
        "", HOST, "name that its clients use", needed_by=("relay",),
        fixed=("the relay's certificate has to follow", "tw relay run --domain NAME"),
    )  # fmt: skip
    behind_proxy: bool = _setting(
        False, FLAG, "plain HTTP behind a web server on this machine that ends TLS and checks certificates"
    )
    cert: str = _setting("", PATH, "certificate chain (PEM file); empty uses the relay's own CA")
    key: str = _setting("", PATH, "key of cert (PEM file)")


@dataclass(frozen=True, slots=True)
class AnalyticsConfig:
    """What the dashboard draws; it stays in the memory of this machine."""

    enabled: bool = _setting(
        True, FLAG, "remember bytes, connections and reconnects over time, in memory, for the dashboard"
    )
    history_size: int = _setting(
        1000, Whole(0, 100_000), "so many samples of each kind: one every 10 s, and one every 5 min"
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    mode: str = _required(
        Choice(MODES),
        "the role of this context; changed by making another context",
        fixed=("a context keeps its role", "tw create context NAME makes another"),
    )
    version: int = _setting(
        FORMAT_VERSION, Whole(1, FORMAT_VERSION), "format of this file",
        fixed=("it is the format of the file", "a newer tw writes a newer one"),
    )  # fmt: skip
    role_signature: str = _setting(
        "",
        SIGNATURE,
        "by which whoever gave this role signed it: a relay itself, a server's relay, a client's server",
        fixed=("whoever gave this role signed it", "a new file or response brings its own"),
    )
    log_level: str = _setting("info", Choice(LEVELS), "least level that is logged")
    log_format: str = _setting("text", Choice(("text", "json")), "how a log line looks")
    proxy: str = _setting(
        "", PROXY, "proxy on the way to the relay; empty uses HTTPS_PROXY of the environment",
        modes=("server", "client"), shown=False,
    )  # fmt: skip
    xray: XrayConfig = _setting(
        XrayConfig(), Section(XrayConfig, ("server", "client")), "the way to the relay"
    )
    server: ServerConfig = _setting(ServerConfig(), Section(ServerConfig, ("server",)), "a server's own part")
    client: ClientConfig = _setting(ClientConfig(), Section(ClientConfig, ("client",)), "a client's own part")
    relay: RelayConfig = _setting(RelayConfig(), Section(RelayConfig, ("relay",)), "a relay's own part")
    analytics: AnalyticsConfig = _setting(
        AnalyticsConfig(), Section(AnalyticsConfig), "the history that the dashboard draws"
    )

    @property
    def dials(self) -> str:
        """Name of the relay that this machine dials; an embedded relay dials nobody."""
        if self.mode != "relay":
            return self.xray.relay_host
        return self.relay.domain if self.relay.kind == "standard" else ""

    def fields(self) -> Iterator[tuple[str, Declared, tuple[str, ...], Any]]:
        """Each field: its dotted name, its row, the modes that use it, its value."""
        for row in declared(Config):
            value = getattr(self, row.name)
            if isinstance(row.shape, Section):
                for x in declared(row.shape.cls):
                    yield f"{row.name}.{x.name}", x, x.modes or row.shape.modes, getattr(value, x.name)
            else:
                # The admin of a standard relay dials it.
                every = not row.modes or (row.name == "proxy" and self.relay.kind == "standard")
                yield row.name, row, MODES if every else row.modes, value

    def missing(self) -> tuple[str, ...]:
        """Dotted names of fields that this mode cannot work without and that are not set."""
        return tuple(
            name
            for name, row, _, value in self.fields()
            if self.mode in row.needed_by and value == row.default
        )

    def without_effect(self) -> tuple[str, ...]:
        """Why each field is in vain that is set although nothing in this mode uses it."""
        found = []
        for name, row, modes, value in self.fields():
            if row.default in (MISSING, value):
                continue
            if self.mode not in modes:
                found.append(f"{name} is for mode {', '.join(modes)}")
            elif row.reserved_for:
                found.append(f"{name} is reserved for {row.reserved_for}")
        return tuple(found)

    def changed_from(self, other: Config) -> tuple[str, ...]:
        """Dotted names of the fields in which this differs from ``other``, of those that have an effect."""
        before = {name: value for name, _, _, value in other.fields()}
        return tuple(
            name
            for name, row, modes, value in self.fields()
            if value != before[name] and self.mode in modes and not row.reserved_for
        )

    @property
    def server_id(self) -> str:
        """The id in ``xray.path``; empty where there is none."""
        return self.xray.path.removeprefix("/tw/") if self.xray.path.startswith("/tw/") else ""
