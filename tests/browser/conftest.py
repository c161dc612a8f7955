from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.dashboards import Dashboard
from tests.browser.site_of_pages import POLICY, Pages
from tests.browser.trio import Trio, trio
from tests.e2e.commands.conftest import MachineFactory, echo, machine, site
from tests.e2e.commands.machines import Machine
from tests.kit.browser import WIDE, Chromium, Scheme, Size, Visitor, missing

__all__ = ["DashboardFactory", "PagesFactory", "VisitorFactory", "echo", "machine", "site"]

_IN_MAKE_TEST = (
    "test_every_page",
    "test_first_run",
    "test_first_pages",
    "test_gate",
    "test_keyboard",
    "test_lost_connection",
    "test_relay_pages",
    "test_two_tabs",
    "test_user_pages",
)
"""The others by make test-pages."""

_VISITORS = pytest.StashKey[list[Visitor]]()
_CHROMIUM = pytest.StashKey[Chromium]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; the tests of a file share one worker, and so one browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.path.stem not in _IN_MAKE_TEST:
                item.add_marker(pytest.mark.pages)
            item.add_marker(pytest.mark.xdist_group(f"browser-{item.path.stem}"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let the test talk to the browser; then it fails for what went wrong unseen in any window."""
    chromium = pyfuncitem.stash.get(_CHROMIUM, None)
    if chromium is None:
        return (yield)
    with chromium.awake():
        visitors = pyfuncitem.stash[_VISITORS]
        try:
            result = yield
        except Exception as exc:
            for number, visitor in enumerate(visitors):
                _tell(exc, visitor, Path(f"{pyfuncitem.funcargs['tmp_path']}", f"failed-{number}.png"))
            raise
        for visitor in visitors:
            visitor.watch.check()
        return result


def _tell(exc: Exception, visitor: Visitor, picture: Path) -> None:
    """What the visitor had before them, for whoever has to find out why."""
    try:
        visitor.page.screenshot(path=picture, full_page=True)
        exc.add_note(f"The browser was at {visitor.page.url}, see {picture}")
        exc.add_note("\n".join(visitor.watch.faults()))
    except Exception as again:  # the window may be gone
        exc.add_note(f"The browser cannot be asked: {again}")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One process for all tests of this worker."""
    if reason := missing():
        pytest.skip(reason)
    chromium = Chromium(tmp_path_factory.mktemp("browser"))
    yield chromium
    chromium.stop()


VisitorFactory = Callable[..., Visitor]


@pytest.fixture
def visitor(request: pytest.FixtureRequest, browser: Chromium, tmp_path: Path) -> Iterator[VisitorFactory]:
    """Makes people: ``visitor(origin, size=NARROW, scheme="dark")``; what goes wrong for one fails the test."""
    made: list[Visitor] = []
    request.node.stash[_VISITORS] = made
    request.node.stash[_CHROMIUM] = browser
    with ExitStack() as stack:

        def make(origin: str, size: Size = WIDE, scheme: Scheme = "light", scripts: bool = True) -> Visitor:
            made.append(stack.enter_context(browser.visitor(origin, size, scheme, scripts)))
            return made[-1]

        yield make


PagesFactory = Callable[..., Pages]


@pytest.fixture
def serve() -> Iterator[PagesFactory]:
    """Serves pages of the test's own: ``serve({"/": html("hello")})``, until the windows were looked at."""
    with ExitStack() as stack:
        yield lambda content, policy=POLICY: stack.enter_context(Pages(content, policy))


DashboardFactory = Callable[..., Dashboard]


@pytest.fixture
def dashboard(machine: MachineFactory) -> Iterator[DashboardFactory]:
    """Starts dashboards: ``dashboard(machine, "--no-start")``; each must end well after the test."""
    made: list[Dashboard] = []

    def start(on: Machine, *words: str, **env: str) -> Dashboard:
        made.append(Dashboard(on, *words, **env))
        return made[-1]

    yield start
    try:
        for one in made:
            one.stop()
    finally:
        for one in made:
            one.kill_what_is_left()


@pytest.fixture
def first_visit(machine: MachineFactory, dashboard: DashboardFactory) -> Dashboard:
    """On a machine that has no role yet."""
    return dashboard(machine("newcomer"))


@pytest.fixture(scope="module")
def shared_trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    """One for all tests of a file that look and change nothing that another one looks at."""
    if reason := missing():
        pytest.skip(reason)
    with trio(tmp_path_factory.mktemp("trio")) as made:
        yield made


@pytest.fixture
def own_trio(tmp_path: Path) -> Iterator[Trio]:
    """For a test that takes something away."""
    if reason := missing():
        pytest.skip(reason)
    with trio(tmp_path / "trio") as made:
        yield made
