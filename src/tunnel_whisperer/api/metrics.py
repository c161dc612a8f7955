"""What Prometheus reads at ``/metrics``: the counters of the running role as named series.

``SERIES`` is the promise: nothing is exposed that is not declared there, and
docs/reference/metrics.md is generated from it. Names, labels and meanings stay; new ones may come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.counters import Counters
from ..base.limits import MAX_COUNTED_LABELS, SSH_KEEPALIVE_INTERVAL_S

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["CONTENT_TYPE", "PROCESS_SERIES", "SERIES", "Metrics", "Series", "render_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text."""

ALL = ("relay", "server", "client")
ENDS = ("server", "client")


@dataclass(frozen=True, slots=True)
class Series:
    """One named series, or several that differ in their labels."""

    name: str
    """As in a query; a summary's has ``_count`` and ``_sum`` behind it."""
    kind: str
    """``counter``, ``gauge`` or ``summary``."""
    meaning: str
    roles: tuple[str, ...] = ALL
    labels: tuple[str, ...] = ()

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that queries use."""
        if self.kind == "summary":
            return f"{self.name}_count", f"{self.name}_sum"
        return (self.name,)


SERIES = (
    Series("tw_info", "gauge", "always 1; role is none where no role runs", labels=("version", "role")),
    Series("tw_start_time_seconds", "gauge", "when the role began to run and to count, Unix time"),
    Series(
        "tw_layer_up", "gauge",
        "1 where this layer of the way is well, else 0: the rows that tw status shows",
        labels=("layer",),
    ),
    Series(
        "tw_tunnel_up", "gauge",
        "1 while the session is up: a client's to its server, a server's to its relay", ENDS,
    ),
    Series("tw_reconnects_total", "counter", "how often that session came up again after it was lost", ENDS),
    Series(
        "tw_recovery_seconds", "summary",
        "from losing that session to having it again; nothing is carried in that time", ENDS,
    ),
    Series("tw_last_recovery_seconds", "gauge", "the same, the last time; absent before the first", ENDS),
    Series(
        "tw_round_trip_seconds", "gauge",
        f"to the other end of that session and back, measured every {SSH_KEEPALIVE_INTERVAL_S:g} s; absent while "
        "it is down", ENDS,
    ),
    Series("tw_sessions", "gauge", "sessions of users that are open now", ("server",), ("user",)),
    Series("tw_sessions_opened_total", "counter", "sessions of users so far", ("server",), ("user",)),
    Series(
        "tw_channels_open", "gauge",
        "connections that are open now; user is empty at a client, port is the target's at a server and the "
        "local one at a client",
        ENDS, ("user", "port"),
    ),
    Series(
        "tw_channels_opened_total", "counter", "connections that reached their target so far", ENDS,
        ("user", "port"),
    ),
    Series(
        "tw_bytes_total", "counter",
        "bytes of these connections; direction is up (towards the target) or down", ENDS,
        ("user", "port", "direction"),
    ),
    Series(
        "tw_refusals_total", "counter",
        "what was not granted or did not work; what is connection, request, stream, login, listener or "
        "channel, and reason an error code or one of a few more words",
        labels=("what", "reason"),
    ),
    Series("tw_connections", "gauge", "TCP connections that are open now", ("relay",)),
    Series("tw_connections_opened_total", "counter", "TCP connections so far", ("relay",)),
    Series("tw_tenants", "gauge", "servers that are enrolled", ("relay",)),
    Series("tw_tenants_online", "gauge", "of these, how many are connected", ("relay",)),
    Series("tw_tenant_up", "gauge", "1 while this server is connected", ("relay",), ("tenant",)),
    Series(
        "tw_tenant_sessions_opened_total", "counter", "sessions of this server so far", ("relay",),
        ("tenant",),
    ),
    Series("tw_tenant_streams_open", "gauge", "users' streams to it that are open now", ("relay",), ("tenant",)),
    Series(
        "tw_tenant_streams_opened_total", "counter", "users' streams to it so far", ("relay",), ("tenant",)
    ),
    Series(
        "tw_tenant_bytes_total", "counter",
        "bytes of these streams, encrypted end to end; direction is up (towards the server) or down",
        ("relay",), ("tenant", "direction"),
    ),
)  # fmt: skip
"""Everything that is exposed of a role."""

PROCESS_SERIES = {
    "process_cpu_seconds_total": "CPU time",
    "process_resident_memory_bytes": "memory",
    "process_virtual_memory_bytes": "address space",
    "process_start_time_seconds": "when the process began, Unix time",
    "process_open_fds": "open files and sockets",
    "process_max_fds": "how many it may have",
}
"""Of the process, made by the Prometheus library, on Linux only."""

REASONS = {
    "connection": {
        "too-many": "one address had too many connections already",
        "no-handshake": "TLS did not come about: another program, or a certificate of an unknown CA",
    },
    "request": {
        "wrong-path": "no server of this relay is there",
        "no-certificate": "it is, and no certificate was shown",
        "certificate-refused": "it is, and the certificate is another server's, or has ended",
    },
    "login": {
        "unknown-key": "at a server: the key of nobody who is let in",
        "unknown-name": "at a server: not the user name that it has for SSH; at a relay: no such server",
        "wrong-key": "at a relay: another key than the one that was enrolled",
        "expired": "the user's time is over",
        "too-many": "too many logins in a moment",
    },
}
"""Reasons that are no error codes."""


class Metrics:
    """The text for Prometheus.

    Args:
        counters: of the role that runs; None: none does.
        snapshot: likewise (``daemon.snapshot``).
        version: of this program.
    """

    def __init__(
        self,
        counters: Callable[[], Counters | None],
        snapshot: Callable[[], Mapping[str, Any] | None],
        version: str,
    ) -> None:
        self._counters = counters
        self._snapshot = snapshot
        self._version = version

    async def text(self) -> bytes:
        """All series as they stand now, of content type ``CONTENT_TYPE``. The role is asked on its event
        loop, where this is awaited; the text is made aside, for it may have 10,000 lines."""
        counters = self._counters()
        snapshot = None if counters is None else self._snapshot()
        return await asyncio.to_thread(_text, _Look(counters, snapshot or {}, self._version))


@dataclass(frozen=True, slots=True, eq=False)  # the library puts it into a dict
class _Look:
    """A collector, as the library has it, of one moment."""

    counters: Counters | None
    snapshot: Mapping[str, Any]
    version: str

    def collect(self) -> Iterable[Metric]:
        counters, values = self.counters, _Values()
        values.put("tw_info", 1, self.version, "none" if counters is None else counters.role)
        if counters is not None:
            _put_role(values, counters)
            _put_snapshot(values, self.snapshot)
        return [_metric(row, values.of[row.name]) for row in SERIES if row.name in values.of]


def _text(look: _Look) -> bytes:
    from prometheus_client import (  # noqa: PLC0415 - heavy, and only needed here
        CollectorRegistry,
        ProcessCollector,
        generate_latest,
    )

    # A registry of our own: the library's default one belongs to the whole process.
    registry = CollectorRegistry()
    registry.register(look)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Values:
    """Samples by the name of their series: label values, and the number or the two of a summary."""

    def __init__(self) -> None:
        self.of: dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]] = {}

    def put(self, name: str, value: float, *labels: str, total: float | None = None) -> None:
        numbers = (value,) if total is None else (value, total)
        self.of.setdefault(name, []).append((labels, numbers))


def _put_role(values: _Values, counters: Counters) -> None:
    values.put("tw_start_time_seconds", counters.started)
    if counters.session is not None:
        session = counters.session
        values.put("tw_tunnel_up", session.up)
        values.put("tw_reconnects_total", session.recoveries)
        values.put("tw_recovery_seconds", session.recoveries, total=session.recovery_sum_s)
        if session.last_recovery_s is not None:
            values.put("tw_last_recovery_seconds", session.last_recovery_s)
        if session.round_trip_s is not None:
            values.put("tw_round_trip_seconds", session.round_trip_s)
    for refusals in counters.refusals:
        values.put("tw_refusals_total", refusals.count, refusals.what, refusals.reason)
    if counters.role == "relay":
        _put_relay(values, counters)
    else:
        _put_end(values, counters)


def _put_end(values: _Values, counters: Counters) -> None:
    for user in counters.sessions:
        values.put("tw_sessions", user.open, user.name)
        values.put("tw_sessions_opened_total", user.opened, user.name)
    for traffic in counters.traffic:
        labels = (traffic.user, str(traffic.port))
        values.put("tw_channels_open", traffic.open, *labels)
        values.put("tw_channels_opened_total", traffic.opened, *labels)
        values.put("tw_bytes_total", traffic.up, *labels, "up")
        values.put("tw_bytes_total", traffic.down, *labels, "down")


def _put_relay(values: _Values, counters: Counters) -> None:
    values.put("tw_connections", counters.connections)
    values.put("tw_connections_opened_total", counters.connections_opened)
    values.put("tw_tenants", counters.tenants)
    values.put("tw_tenants_online", counters.tenants_online)
    for server in counters.sessions:
        values.put("tw_tenant_sessions_opened_total", server.opened, server.name)
    for traffic in counters.traffic:
        values.put("tw_tenant_streams_open", traffic.open, traffic.tenant)
        values.put("tw_tenant_streams_opened_total", traffic.opened, traffic.tenant)
        values.put("tw_tenant_bytes_total", traffic.up, traffic.tenant, "up")
        values.put("tw_tenant_bytes_total", traffic.down, traffic.tenant, "down")


def _put_snapshot(values: _Values, snapshot: Mapping[str, Any]) -> None:
    # Two rows of one layer would be the same series twice, which Prometheus refuses: all must be well.
    layers: dict[str, bool] = {}
    for row in snapshot.get("health", ()):
        layers[row["layer"]] = layers.get(row["layer"], True) and row["state"] == "ok"
    for layer, well in layers.items():
        values.put("tw_layer_up", well, layer)
    for tenant in snapshot.get("tenants", ()):
        values.put("tw_tenant_up", bool(tenant["online"]), tenant["server"])


def _metric(row: Series, samples: list[tuple[tuple[str, ...], tuple[float, ...]]]) -> Metric:
    from prometheus_client.core import (  # noqa: PLC0415 - as above
        CounterMetricFamily,
        GaugeMetricFamily,
        SummaryMetricFamily,
    )

    if row.kind == "summary":
        summary = SummaryMetricFamily(row.name, row.meaning, labels=row.labels)
        for labels, (count, total) in samples:
            summary.add_metric(labels, int(count), total)
        return summary
    family = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    metric = family(row.name, row.meaning, labels=row.labels)
    for labels, (value,) in samples:
        metric.add_metric(labels, value)
    return metric


def render_metrics() -> str:
    """docs/reference/metrics.md."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield "# Metrics\n\nWhat `/metrics` exposes. [How to scrape it](../how-to/metrics.md) tells where that is and who may\n"
    yield "read it. Counters begin at 0 when the role starts.\n"
    for roles in dict.fromkeys(row.roles for row in SERIES):
        words = "Every role" if roles == ALL else " and ".join(roles).capitalize()
        yield f"\n## {words}\n\n| series | kind | labels | meaning |\n|---|---|---|---|\n"
        for row in SERIES:
            if row.roles == roles:
                labels = ", ".join(f"`{label}`" for label in row.labels)
                names = ", ".join(f"`{name}`" for name in row.samples)
                yield f"| {names} | {row.kind} | {labels} | {row.meaning} |\n"
    yield f"\nUsers with their ports, and tenants, beyond the {MAX_COUNTED_LABELS:,}th are counted as `other`, port 0.\n"
    yield "\n## Reasons of refusals\n\nA `reason` of `tw_refusals_total` is one of the [error codes](errors.md), or:\n\n"
    yield "| what | reason | meaning |\n|---|---|---|\n"
    for what, reasons in REASONS.items():
        for reason, meaning in reasons.items():
            yield f"| `{what}` | `{reason}` | {meaning} |\n"
    yield "\n## Process\n\nOn Linux, as every program with the Prometheus library has them:\n\n| series | meaning |\n|---|---|\n"
    for name, meaning in PROCESS_SERIES.items():
        yield f"| `{name}` | {meaning} |\n"
