"""What of others lies in the tree is what its list says, and no page makes a browser ask another host."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.structure.tree import ROOT, SRC

DASHBOARD = SRC / "dashboard"
STATIC = DASHBOARD / "static"
FOLDERS = (STATIC / "vendor", ROOT / "tests" / "kit" / "vendor")
LIST = "VENDORED.json"

HOST = re.compile(r"(?:https?|wss?)://([\w.-]+)")
HOST_ALONE = re.compile(r"[\"'(]//([\w-]+\.[\w.-]+)")
"""With the page's own scheme. Not looked for in minified scripts: regular expressions look like that."""
NAMESPACES = {"www.w3.org"}
"""SVG and XML name their vocabulary by an address that nobody fetches."""
FETCHED = re.compile(
    r"""(?:\bsrc|\bsrcset|\baction|\bposter|\bhx-[\w-]+|<(?:link|use|image|base)\b[^>]*?\bhref)\s*=\s*["'][^"']*"""
    r"""|url\([^)]*\)|@import[^;]*|<script(?![^>]*\bsrc=)[^>]*>.*?</script>""",
    re.IGNORECASE | re.DOTALL,
)
"""The places of a template from where a browser fetches; a link that a person clicks is none."""


@dataclass(frozen=True, slots=True)
class Vendored:
    """One package of others, as its list has it."""

    top: Path
    entry: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.top / str(self.entry["folder"])

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 in hex, by name of the file."""
        return dict(self.entry["files"])


def _vendored() -> list[Vendored]:
    lists = [(top, json.loads((top / LIST).read_text(encoding="utf-8"))) for top in FOLDERS]
    return [Vendored(top, entry) for top, content in lists for entry in content["packages"]]


def _files(top: Path, *suffixes: str) -> Iterator[Path]:
    for path in sorted(top.rglob("*")):
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path


def _hosts(text: str) -> set[str]:
    return {*HOST.findall(text), *HOST_ALONE.findall(text)} - NAMESPACES


@pytest.mark.parametrize("package", _vendored(), ids=lambda package: package.folder.name)
def test_a_vendored_package_is_what_its_list_says(package: Vendored) -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(package.folder)}
    assert found == package.hashes
    assert re.fullmatch(r"npm (@[\w-]+/)?[\w.-]+@\d+\.\d+\.\d+", package.entry["origin"])


@pytest.mark.parametrize("package", _vendored(), ids=lambda package: package.folder.name)
def test_a_vendored_package_comes_with_its_licence(package: Vendored) -> None:
    texts = [(package.folder / name).read_text(encoding="utf-8") for name in package.entry["licence_files"]]
    assert texts and all(len(text) > 500 for text in texts)
    assert package.entry["licence"] in ("0BSD", "MIT", "MPL-2.0")


@pytest.mark.parametrize("top", FOLDERS, ids=lambda top: str(top.relative_to(ROOT)))
def test_nothing_is_vendored_that_is_not_listed(top: Path) -> None:
    listed = {package.folder / name for package in _vendored() for name in package.hashes}
    found = [str(path) for path in _files(top) if path not in listed and path.name != LIST]
    assert not found, found


@pytest.mark.parametrize("package", _vendored(), ids=lambda package: package.folder.name)
def test_a_vendored_file_names_no_host_but_those_that_were_looked_at(package: Vendored) -> None:
    named: set[str] = set()
    for name in package.hashes:
        if name not in package.entry["licence_files"]:
            named.update(HOST.findall((package.folder / name).read_text(encoding="utf-8")))
    assert named == set(package.entry["names_without_fetching"])


def test_no_static_file_of_ours_names_a_host() -> None:
    ours = [
        path
        for path in _files(STATIC, ".js", ".css", ".svg", ".html", ".json")
        if FOLDERS[0] not in path.parents
    ]
    found = {str(path): hosts for path in ours if (hosts := _hosts(path.read_text(encoding="utf-8")))}
    assert not found, found


def _fetched_hosts(template: str) -> set[str]:
    return set[str]().union(*(_hosts(match[0]) for match in FETCHED.finditer(template)))


def test_no_template_makes_a_browser_ask_another_host() -> None:
    templates = list(_files(DASHBOARD / "templates"))
    found = {
        str(path): hosts for path in templates if (hosts := _fetched_hosts(path.read_text(encoding="utf-8")))
    }
    assert not found, found


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.test/x.js"></script>',
        "<link rel='stylesheet' href='//cdn.test/x.css'>",
        '<img alt="" src="http://cdn.test/x.png">',
        '<form action="https://cdn.test/">',
        '<button hx-get="https://cdn.test/">',
        "<style>@import 'https://cdn.test/x.css';</style>",
        "<style>a { background: url(//cdn.test/x.png) }</style>",
        "<script>fetch('https://cdn.test/')</script>",
    ],
)
def test_a_fetch_from_another_host_is_found(text: str) -> None:
    assert _fetched_hosts(text) == {"cdn.test"}


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://docs.test/">help</a>',
        '<script src="/static/x.js"></script>',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ],
)
def test_what_fetches_nothing_from_elsewhere_is_not_found(text: str) -> None:
    assert _fetched_hosts(text) == set()


def test_a_wheel_brings_what_pages_are_made_of(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    packed = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        path.relative_to(ROOT / "src").as_posix()
        for name in ("static", "templates")
        for path in _files(DASHBOARD / name)
    }
    assert needed and needed <= packed, needed - packed
