"""Accessibility of the page as it stands, by axe-core."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

__all__ = ["assert_accessible", "violations"]

_SOURCE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
_GRAVE = ("moderate", "serious", "critical")
_OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_SHOWN_NODES = 5


@cache
def _script() -> str:
    return _SOURCE.read_text(encoding="utf-8")


def _run(page: Page, only: tuple[str, ...]) -> list[dict[str, Any]]:
    """In a world of its own beside the page's scripts, where the page's policy does not hold."""
    options = {**_OPTIONS, "runOnly": {"type": "rule", "values": only}} if only else _OPTIONS
    session = page.context.new_cdp_session(page)
    try:
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        code = f"{_script()};\naxe.run(document, {json.dumps(options)}).then((found) => found.violations)"
        done = session.send(
            "Runtime.evaluate",
            {
                "expression": code,
                "contextId": world["executionContextId"],
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
    finally:
        session.detach()
    assert "exceptionDetails" not in done, done["exceptionDetails"]
    found: list[dict[str, Any]] = done["result"]["value"]
    return found


def _shown(violation: dict[str, Any]) -> str:
    lines = [f"{violation['impact']}: {violation['id']}: {violation['help']}"]
    nodes = violation["nodes"]
    for node in nodes[:_SHOWN_NODES]:
        why = [check["message"] for key in ("any", "all", "none") for check in node[key]]
        lines.append(f"    {node['html'][:160]}")
        lines.extend(f"        {text}" for text in why[:3])
    if len(nodes) > _SHOWN_NODES:
        lines.append(f"    .. and {len(nodes) - _SHOWN_NODES} more")
    return "\n".join(lines)


def violations(page: Page, only: tuple[str, ...] = ()) -> list[str]:
    """What is moderate, serious or critical, a text of several lines each.

    Args:
        only: rules; all by default.
    """
    return [_shown(violation) for violation in _run(page, only) if violation["impact"] in _GRAVE]


def assert_accessible(page: Page, only: tuple[str, ...] = ()) -> None:
    """Fail if there is any."""
    found = violations(page, only)
    assert not found, f"{page.url} is not accessible:\n" + "\n".join(found)
