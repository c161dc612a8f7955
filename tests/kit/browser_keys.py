"""A page without a mouse: where Tab leads, and whether a person sees it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

__all__ = ["Stop", "assert_walkable", "focus_on", "tab_stops"]

_MOST_STOPS = 400

# Where the last click or look was, Tab would go on from: so from a place before everything, which is gone again.
_PREPARE = """() => {
    getSelection().removeAllRanges();
    const top = document.createElement("span");
    top.tabIndex = -1;
    document.body.prepend(top);
    top.focus();
    top.remove();
    window.__walked = [];
}"""

_LOOK = """() => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    const known = window.__walked.indexOf(element);
    // A field for a day or a time has a stop for each of its parts.
    const parts = ["date", "datetime-local", "month", "time", "week"].includes(element.type);
    if (parts && known >= 0 && known === window.__walked.length - 1) return {part: true};
    if (known >= 0) return {again: known};
    window.__walked.push(element);
    const box = element.getBoundingClientRect();
    // A ring may be around the label of a box or a switch that is drawn by style.
    const rings = [element, element.closest("label"), ...(element.labels ?? []), element.nextElementSibling];
    const ring = rings.filter(Boolean).some((one) => {
        const style = getComputedStyle(one);
        const size = one.getBoundingClientRect();
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1
            && !/^(transparent|rgba\\(.*, 0\\))$/.test(style.outlineColor) && style.opacity !== "0"
            && size.width > 1 && size.height > 1;
    });
    const shown = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.innerText
        || element.getAttribute("title") || element.name || element.id || "";
    return {tag: element.tagName.toLowerCase(), name: name.trim().split("\\n")[0].slice(0, 60), seen: ring && shown};
}"""

_PASSED_BY = """() => {
    const all = document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=true]");
    const walked = new Set(window.__walked);
    const radios = new Set([...walked].filter((one) => one.type === "radio").map((one) => one.name));
    return [...all].filter((one) => !walked.has(one) && !one.disabled && one.tabIndex >= 0
        && !one.matches(":disabled") && one.type !== "hidden" && !one.closest("[inert]")
        && !(one.type === "radio" && radios.has(one.name))
        && one.checkVisibility({visibilityProperty: true})
    ).map((one) => one.outerHTML.slice(0, 160));
}"""


@dataclass(frozen=True, slots=True)
class Stop:
    """An element that Tab leads to."""

    tag: str
    name: str
    """What a person reads there."""
    seen: bool
    """It is on the screen, with a ring around it."""

    def __str__(self) -> str:
        return f"<{self.tag}> {self.name!r}"


def tab_stops(page: Page) -> list[Stop]:
    """Press Tab from the top of the page to its end; every stop in order.

    Raises:
        AssertionError: there is a place that Tab does not get out of.
    """
    page.evaluate(_PREPARE)
    stops: list[Stop] = []
    while len(stops) < _MOST_STOPS:
        page.keyboard.press("Tab")
        found = page.evaluate(_LOOK)
        if found is None:
            return stops
        if "part" in found:
            continue
        if "again" in found:
            at = found["again"]
            assert at == 0, f"Tab goes round and round between {stops[at]} and {stops[-1]}"
            return stops
        stops.append(Stop(found["tag"], found["name"], found["seen"]))
    raise AssertionError(f"more than {_MOST_STOPS} stops, the last is {stops[-1]}")


def assert_walkable(page: Page) -> list[Stop]:
    """Tab reaches everything that can be used, and each stop is seen; returns the stops."""
    stops = tab_stops(page)
    unseen = [str(stop) for stop in stops if not stop.seen]
    assert not unseen, f"{page.url}: nobody sees that these have the focus:\n  " + "\n  ".join(unseen)
    passed = page.evaluate(_PASSED_BY)
    assert not passed, f"{page.url}: Tab does not lead to:\n  " + "\n  ".join(passed)
    return stops


def focus_on(page: Page, name: str) -> None:
    """Press Tab until the element with this name has the focus: what a person without a mouse does.

    Raises:
        AssertionError: Tab does not lead to it.
    """
    page.evaluate(_PREPARE)
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        found = page.evaluate(_LOOK)
        if found is None or "again" in found:
            break
        if found.get("name") == name:
            return
    raise AssertionError(f"{page.url}: Tab does not lead to {name!r}")
