"""The order of the site: sections as listed here, in each its index first, then by name.

A page that is added to a folder is in the menu by itself.
"""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

__all__ = ["on_config"]

SECTIONS = {
    "Start": "start",
    "How to": "how-to",
    "Topics": "topics",
    "Reference": "reference",
    "Protocol": "protocol",
    "Threats": "threats.md",
    "Design": "design",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Called by mkdocs before it reads the pages."""
    docs = Path(config.docs_dir)
    nav: list[object] = ["index.md"]
    for title, name in SECTIONS.items():
        if name.endswith(".md"):
            nav.append({title: name})
        elif pages := _pages(docs / name):
            nav.append({title: [page.relative_to(docs).as_posix() for page in pages]})
    config.nav = nav
    return config


def _pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.md"), key=lambda page: (page.name != "index.md", page.as_posix()))
