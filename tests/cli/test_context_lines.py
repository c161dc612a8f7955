"""What is told of a context."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.cli.context_lines import next_step, print_still_served
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    Context,
    Profile,
    RelayConfig,
    XrayConfig,
    running,
    save_config,
)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("base", "plant", Profile(tmp_path))


@pytest.mark.parametrize(
    ("config", "step"),
    [
        (Config(mode="relay", relay=RelayConfig(domain="r.test")), "tw relay run"),
        (
            Config(mode="relay", relay=RelayConfig(kind="standard", domain="r.test")),
            "tw list servers",
        ),
        (Config(mode="server"), "tw join RELAY"),
        (Config(mode="server", xray=XrayConfig(relay_host="r.test")), "tw serve"),
        (
            Config(mode="client", client=ClientConfig(), xray=XrayConfig(relay_host="r.test")),
            "tw connect",
        ),
    ],
)
def test_each_role_has_its_next_step(context: Context, config: Config, step: str) -> None:
    save_config(context.profile.config, config)
    assert next_step(context) == step


def test_an_empty_one_has_no_role_yet(context: Context) -> None:
    assert next_step(context).startswith("tw connect FILE.zip, tw join RELAY or tw relay run")


def test_a_damaged_one_is_to_be_mended(context: Context) -> None:
    context.profile.config.write_text("mode: sailor\n")
    assert "config.yaml" in next_step(context)


def test_what_still_runs_is_named_at_a_switch(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Context("abcdef", "lab", Profile(tmp_path / "other"))
    print_still_served(None, other)
    print_still_served(context, other)
    with running(context.profile, "tw serve"):
        print_still_served(context, context)
        assert capsys.readouterr().err == ""
        print_still_served(context, other)
    said = capsys.readouterr().err
    assert said.startswith("tw: tw serve (process ")
    assert said.endswith("still serves plant (base), until it is stopped\n")
