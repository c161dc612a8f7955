"""The documentation tells what the code does."""

from __future__ import annotations

import argparse
import importlib
import re

import pytest
import yaml

from docs.generate import REFERENCE, pages, read_limits
from tests.structure.tree import ROOT
from tunnel_whisperer.cli.main import build_parser
from tunnel_whisperer.cli.table import COMMANDS, CommandEntry

STRANGERS = (
    "strangers",
    "XHTTP sessions",
    "HTTP/2 and HTTP/1.1 connections",
    "who may use the API and the dashboard",
)
"""Headings of base/limits.py whose limits face peers that nobody has let in yet."""


@pytest.mark.parametrize(
    "name", ["api.md", "audit.md", "cli.md", "config.md", "errors.md", "limits.md", "metrics.md"]
)
def test_a_reference_page_is_what_the_generator_writes(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages()[name], "run make docs"


def test_every_limit_says_what_it_is() -> None:
    assert [limit.name for limit in read_limits() if not limit.meaning] == []


def test_every_limit_on_strangers_has_its_attack_in_threats() -> None:
    threats = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
    unnamed = [
        limit.name
        for limit in read_limits()
        if limit.section in STRANGERS and f"`{limit.name}`" not in threats
    ]
    assert unnamed == []


def test_threats_names_no_limit_that_is_gone() -> None:
    threats = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", threats))
    assert named - {limit.name for limit in read_limits()} == set()


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: " ".join(entry.words))
def test_every_argument_of_a_command_has_a_help_text(entry: CommandEntry) -> None:
    module = importlib.import_module(f"tunnel_whisperer.cli.{entry.module}")
    parser: argparse.ArgumentParser = build_parser(entry, module)
    assert [action.dest for action in parser._actions if not action.help] == []
    assert module.EXAMPLE.startswith(" ".join(("tw", *entry.words)))


def test_the_site_asks_nobody_for_fonts() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["theme"]["font"] is False
    assert "http://" not in text and "https://" not in text
