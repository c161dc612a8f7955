"""What every test run shares: example counts, the order, a loud list of skips."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kit.loggers import loggers_restored

# A shared machine may pause at any example; a time per example would only tell that. In CI the
# examples are the same each time (hypothesis's own "ci" profile): new ones are for make fuzz.
settings.register_profile(
    "tests",
    parent=settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile("fuzz", settings.get_profile("tests"), max_examples=5000, derandomize=False)
settings.load_profile("tests")


_LONGEST_ID = 60


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """No test hears, or fails to hear, what it does because of the one before."""
    with loggers_restored():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: the short ones fill the gaps at the end. A file whose tests share something that
    is slow to make says so itself (``xdist_group``), and has one worker."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A key or a file is no name: nobody can read it, and each worker has made another one."""
    return argname if isinstance(val, str | bytes) and len(val) > _LONGEST_ID else None


def _reason(report: pytest.TestReport) -> str:
    # A skip is reported as (path, line, "Skipped: reason").
    where = report.longrepr
    text = where[2] if isinstance(where, tuple) else str(where)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run, and why: a green line alone would hide it."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for report in skipped:
        by_reason[_reason(report)].append(report.nodeid)
    terminalreporter.section(f"{len(skipped)} TESTS DID NOT RUN", sep="!", red=True, bold=True)
    for reason, names in sorted(by_reason.items(), key=lambda entry: -len(entry[1])):
        terminalreporter.line(f"{len(names):4} x {reason}", red=True)
        for name in sorted(names)[:3]:
            terminalreporter.line(f"         {name}")
        if len(names) > 3:
            terminalreporter.line(f"         .. and {len(names) - 3} more")
