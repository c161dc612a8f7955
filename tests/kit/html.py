"""A page as a test looks at it: its words, its elements, its forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Element", "read_html"]

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_UNSEEN = frozenset(("script", "style", "head", "template"))


@dataclass(slots=True)
class Element:
    """One element, with what is in it."""

    tag: str
    attrs: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Its text, as one line; what is not shown is left out."""
        return " ".join(" ".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for each in self.inside:
            if isinstance(each, str):
                yield each
            elif each.tag not in _UNSEEN and "hidden" not in each.attrs:
                yield from each._texts()

    def all(self, tag: str = "", /, **attrs: str) -> list[Element]:
        """Elements inside, at any depth, with this tag and these attributes; ``class_`` is one of its
        classes, and ``_`` in a name stands for ``-``."""
        return [each for each in self._elements() if each.is_like(tag, attrs)]

    def one(self, tag: str = "", /, **attrs: str) -> Element:
        """The only one of these."""
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} elements are like {tag} {attrs}, in: {self.words}"
        return found[0]

    def is_like(self, tag: str, attrs: dict[str, str]) -> bool:
        """See ``all``."""
        if tag and self.tag != tag:
            return False
        for name, value in attrs.items():
            if name == "class_":
                if value not in self.attrs.get("class", "").split():
                    return False
            elif self.attrs.get(name.replace("_", "-")) != value:
                return False
        return True

    def form(self, action: str) -> dict[str, str]:
        """What a browser would send of the form that goes there, before anybody typed anything."""
        sent: dict[str, str] = {}
        for each in self.one("form", action=action)._elements():
            name = each.attrs.get("name", "")
            if not name or "disabled" in each.attrs or each.tag == "button":
                continue
            kind = each.attrs.get("type", "")
            if kind in ("checkbox", "radio") and "checked" not in each.attrs:
                continue
            if each.tag == "select":
                options = each.all("option")
                chosen = [x for x in options if "selected" in x.attrs] or options[:1]
                if chosen:
                    sent[name] = chosen[0].attrs["value"]
            elif each.tag == "textarea":
                sent[name] = "".join(each._texts())
            elif each.tag == "input" and kind not in ("file", "submit"):
                sent[name] = each.attrs.get("value", "on" if kind in ("checkbox", "radio") else "")
        return sent

    def _elements(self) -> Iterator[Element]:
        for each in self.inside:
            if isinstance(each, Element):
                yield each
                yield from each._elements()


class _Reader(HTMLParser):
    """Builds the tree; what is not closed, or closed twice, is a fault of the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in _VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read_html(text: str) -> Element:
    """The whole page, whose elements must be closed in order."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    return reader.open[0]
