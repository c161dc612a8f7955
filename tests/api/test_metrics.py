from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import prometheus_client
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.structure.tree import ROOT
from tunnel_whisperer.api.metrics import PROCESS_SERIES, REASONS, SERIES, Metrics, Series, render_metrics
from tunnel_whisperer.base.counters import Counters, Refusals, SessionCounters, Traffic, UserSessions
from tunnel_whisperer.base.error_codes import ERROR_CODES

SERVER = Counters(
    "server",
    1000.0,
    session=SessionCounters(True, 3, 2, 2.5, 6.5, 0.02),
    traffic=(
        Traffic("anna", port=5432, up=10, down=20, open=1, opened=3),
        Traffic("berta", port=5432, up=1, opened=1),
    ),
    sessions=(UserSessions("anna", 1, 4), UserSessions("berta", 0, 1)),
    refusals=(Refusals("channel", "not-authorised", 2), Refusals("login", "unknown-key", 7)),
)
CLIENT = Counters(
    "client",
    1000.0,
    session=SessionCounters(False, 0, 0, None, 0.0, None),
    traffic=(Traffic(port=15432, up=10, down=20, open=1, opened=3),),
    refusals=(Refusals("channel", "timeout", 1),),
)
RELAY = Counters(
    "relay",
    1000.0,
    traffic=(Traffic(tenant="plant", up=100, down=200, open=2, opened=5),),
    sessions=(UserSessions("plant", 1, 2),),
    refusals=(Refusals("request", "wrong-path", 9),),
    connections=4,
    connections_opened=40,
    tenants=2,
    tenants_online=1,
)
HEALTH = [{"layer": "relay", "state": "ok"}, {"layer": "session", "state": "failed"}]
TENANTS = [{"server": "plant", "online": True}, {"server": "mine", "online": False}]

Sample = tuple[str, frozenset[tuple[str, str]]]


def told(counters: Counters | None, snapshot: Mapping[str, Any] | None = None) -> dict[Sample, float]:
    """What a reader of the text sees."""
    text = asyncio.run(Metrics(lambda: counters, lambda: snapshot, "1.2.3").text()).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def test_a_server_in_numbers() -> None:
    found = told(SERVER, {"health": HEALTH})
    assert found[of("tw_info", version="1.2.3", role="server")] == 1
    assert found[of("tw_start_time_seconds")] == 1000
    assert found[of("tw_tunnel_up")] == 1
    assert found[of("tw_reconnects_total")] == 2
    assert found[of("tw_recovery_seconds_count")] == 2
    assert found[of("tw_recovery_seconds_sum")] == 6.5
    assert found[of("tw_last_recovery_seconds")] == 2.5
    assert found[of("tw_round_trip_seconds")] == 0.02
    assert found[of("tw_sessions", user="anna")] == 1
    assert found[of("tw_sessions", user="berta")] == 0
    assert found[of("tw_sessions_opened_total", user="anna")] == 4
    assert found[of("tw_channels_open", user="anna", port="5432")] == 1
    assert found[of("tw_channels_opened_total", user="anna", port="5432")] == 3
    assert found[of("tw_bytes_total", user="anna", port="5432", direction="up")] == 10
    assert found[of("tw_bytes_total", user="anna", port="5432", direction="down")] == 20
    assert found[of("tw_refusals_total", what="channel", reason="not-authorised")] == 2
    assert found[of("tw_refusals_total", what="login", reason="unknown-key")] == 7
    assert found[of("tw_layer_up", layer="relay")] == 1
    assert found[of("tw_layer_up", layer="session")] == 0


def test_a_client_that_never_came_up() -> None:
    found = told(CLIENT, {"health": []})
    assert found[of("tw_info", version="1.2.3", role="client")] == 1
    assert found[of("tw_tunnel_up")] == 0
    assert found[of("tw_reconnects_total")] == 0
    assert found[of("tw_recovery_seconds_count")] == 0
    assert found[of("tw_bytes_total", user="", port="15432", direction="down")] == 20
    assert not {name for name, _ in found} & {
        "tw_round_trip_seconds",
        "tw_last_recovery_seconds",
        "tw_sessions",
        "tw_connections",
    }


def test_a_relay_in_numbers() -> None:
    found = told(RELAY, {"health": HEALTH, "tenants": TENANTS})
    assert found[of("tw_connections")] == 4
    assert found[of("tw_connections_opened_total")] == 40
    assert (found[of("tw_tenants")], found[of("tw_tenants_online")]) == (2, 1)
    assert found[of("tw_tenant_up", tenant="plant")] == 1
    assert found[of("tw_tenant_up", tenant="mine")] == 0
    assert found[of("tw_tenant_sessions_opened_total", tenant="plant")] == 2
    assert found[of("tw_tenant_streams_open", tenant="plant")] == 2
    assert found[of("tw_tenant_streams_opened_total", tenant="plant")] == 5
    assert found[of("tw_tenant_bytes_total", tenant="plant", direction="up")] == 100
    assert found[of("tw_tenant_bytes_total", tenant="plant", direction="down")] == 200
    assert found[of("tw_refusals_total", what="request", reason="wrong-path")] == 9
    assert of("tw_tunnel_up") not in found and not any(name == "tw_channels_open" for name, _ in found)


def test_without_a_role_it_says_so_and_nothing_else() -> None:
    found = told(None)
    assert found[of("tw_info", version="1.2.3", role="none")] == 1
    assert {name for name, _ in found if name.startswith("tw_")} == {"tw_info"}


def test_the_role_may_change_between_two_looks() -> None:
    roles: list[Counters | None] = [None, SERVER, None]
    metrics = Metrics(lambda: roles.pop(0), dict, "1")
    for role in (b"none", b"server", b"none"):
        assert b'role="%s"' % role in asyncio.run(metrics.text())


def test_the_role_is_asked_on_its_loop() -> None:
    threads: list[threading.Thread] = []

    def counters() -> Counters:
        threads.append(threading.current_thread())
        return SERVER

    def snapshot() -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {}

    asyncio.run(Metrics(counters, snapshot, "1").text())
    assert threads == [threading.current_thread()] * 2


def test_names_cannot_break_out_of_their_label() -> None:
    name = 'a"} 1\ntw_tunnel_up 0\\'
    found = told(Counters("server", sessions=(UserSessions(name, 1, 1),)))
    assert found[of("tw_sessions", user=name)] == 1
    assert of("tw_tunnel_up") not in found


def test_two_rows_of_one_layer_are_one_series() -> None:
    rows = [{"layer": "audit", "state": state} for state in ("ok", "failed", "ok")]
    assert told(SERVER, {"health": rows})[of("tw_layer_up", layer="audit")] == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the library reads /proc")
def test_the_process_is_told_too() -> None:
    names = {name for name, _ in told(None)}
    assert {name for name in names if not name.startswith("tw_")} == set(PROCESS_SERIES)


def test_nothing_goes_into_the_registry_of_the_process() -> None:
    before = prometheus_client.generate_latest()
    told(SERVER, {"health": HEALTH})
    told(SERVER, {"health": HEALTH})
    assert b"tw_" not in before and b"tw_" not in prometheus_client.generate_latest()


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from tunnel_whisperer.api.metrics import Metrics; Metrics(dict, dict, '1');"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


ROLES = {"server": SERVER, "client": CLIENT, "relay": RELAY}


@pytest.mark.parametrize("role", ROLES)
def test_what_is_told_is_what_is_declared_for_the_role(role: str) -> None:
    snapshot = {"health": HEALTH, **({"tenants": TENANTS} if role == "relay" else {})}
    found = {name for name, _ in told(ROLES[role], snapshot)}
    expected = {name for row in SERIES if role in row.roles for name in row.samples}
    if role == "client":  # it has no session, and so had no round trip
        expected -= {"tw_last_recovery_seconds", "tw_round_trip_seconds"}
    assert {name for name in found if name.startswith("tw_")} == expected


@pytest.mark.parametrize("row", SERIES, ids=lambda row: row.name)
def test_names_are_as_prometheus_wants_them(row: Series) -> None:
    assert row.name.startswith("tw_") and row.meaning
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert not set(row.labels) & {"job", "instance", "le", "quantile"}


def test_what_is_declared_is_told_with_these_labels() -> None:
    labels = {row.name: set(row.labels) for row in SERIES}
    for counters in ROLES.values():
        for name, given in told(counters, {"health": HEALTH, "tenants": TENANTS}):
            if name in labels:
                assert {label for label, _ in given} == labels[name]


def test_reasons_that_are_no_error_codes_are_explained() -> None:
    for reasons in REASONS.values():
        for reason, meaning in reasons.items():
            # These two mean at their place what the code says, and something narrower.
            assert meaning and (reason not in ERROR_CODES or reason in ("too-many", "certificate-refused"))
    page = render_metrics()
    assert all(f"`{name}`" in page for row in SERIES for name in row.samples)


# -- the board and the page --------------------------------------------------------------------------

EXPOSED = {name for row in SERIES for name in row.samples} | set(PROCESS_SERIES)
_FUNCTIONS = {"rate", "increase", "sum", "by", "label_values"}


def metric_names(expression: str) -> set[str]:
    """Names of series in a query: what is left without strings, selectors, ranges, labels, functions."""
    text = re.sub(r'"[^"]*"', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)", " ", text)
    return set(re.findall(r"[a-z_:][a-z0-9_:]*", text)) - _FUNCTIONS


def board() -> dict[str, Any]:
    text = (ROOT / "docs/examples/grafana-board.json").read_text(encoding="utf-8")
    value: dict[str, Any] = json.loads(text)
    return value


def queries() -> list[str]:
    value = board()
    found = [target["expr"] for panel in value["panels"] for target in panel.get("targets", ())]
    found += [x["expr"] for x in value["annotations"]["list"] if "expr" in x]
    return found


def test_names_are_found_in_a_query() -> None:
    assert metric_names('-sum by (instance, user) (rate(a_total{x=~"$x", y="b_total"}[1h])) / c') == {
        "a_total",
        "c",
    }


def test_each_query_of_the_board_is_about_series_that_there_are() -> None:
    assert len(queries()) > 30
    for query in queries():
        assert metric_names(query) and metric_names(query) <= EXPOSED, query


def test_the_board_shows_every_series() -> None:
    shown = set().union(*(metric_names(query) for query in queries()))
    # The age of a process and its address space tell an admin nothing.
    left_out = {"tw_start_time_seconds", "process_start_time_seconds", "process_virtual_memory_bytes"}
    assert shown == EXPOSED - left_out


def test_labels_that_the_board_selects_and_shows_are_there() -> None:
    by_name = {name: set(row.labels) for row in SERIES for name in row.samples}
    usual = {"job", "instance"}
    for panel in board()["panels"]:
        for target in panel.get("targets", ()):
            labels = usual.union(*(by_name.get(x, set()) for x in metric_names(target["expr"])))
            selectors = " ".join(re.findall(r"\{([^}]*)\}", target["expr"]))
            used = set(re.findall(r"([a-z]+)\s*=", selectors))
            used |= set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
            for grouped in re.findall(r"\bby\s*\(([^)]*)\)", target["expr"]):
                used |= {label.strip() for label in grouped.split(",")}
            assert used <= labels, target


def test_the_board_is_one_that_grafana_10_takes() -> None:
    value = board()
    assert value["id"] is None and value["schemaVersion"] == 38 and value["title"] and value["uid"]
    ids = [panel["id"] for panel in value["panels"]]
    assert len(set(ids)) == len(ids)
    assert {panel["type"] for panel in value["panels"]} == {"row", "stat", "timeseries", "state-timeline"}
    variables = {x["name"] for x in value["templating"]["list"]}
    assert variables == {"source", "job", "instance"}
    for variable in value["templating"]["list"]:
        if variable["type"] == "query":
            assert metric_names(variable["definition"].split(",")[0]) <= EXPOSED
    for panel in value["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
            assert [x["refId"] for x in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    text = json.dumps(value)
    assert set(re.findall(r"\$\{?(?!__)(\w+)", text)) <= variables
    assert "http" not in text  # it asks nobody but the data source


def test_panels_of_the_board_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_the_alerts_of_the_page_are_about_series_that_there_are() -> None:
    page = (ROOT / "docs/how-to/metrics.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    rules = [rule for block in blocks for group in block.get("groups", ()) for rule in group["rules"]]
    assert len(rules) >= 4
    for rule in rules:
        assert metric_names(rule["expr"]) <= EXPOSED, rule
        assert rule["annotations"]["summary"]
