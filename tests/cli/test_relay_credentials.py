"""Where a provider's credentials come from."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path

import pytest

from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.relay_credentials import driver_of, given_credentials
from tunnel_whisperer.operations import providers
from tunnel_whisperer.provision.drivers import Credentials


@pytest.fixture(autouse=True)
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HCLOUD_TOKEN", "DIGITALOCEAN_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


def _given(provider: str, file: Path | None = None) -> tuple[str, str, str] | None:
    found = given_credentials(argparse.Namespace(credentials_file=file and str(file)), provider)
    if found is None:
        return None
    return found.secret.reveal(), found.key_id, found.session.reveal() if found.session else ""


def test_the_environment_is_looked_at_as_the_providers_own_tools_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _given("hetzner") is _given("digitalocean") is _given("aws") is None
    monkeypatch.setenv("HCLOUD_TOKEN", "abc")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert _given("hetzner") == ("abc", "", "") and _given("aws") is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    assert _given("aws") == ("secret", "AKIA", "session")


@pytest.mark.parametrize(
    ("provider", "text", "found"),
    [
        ("hetzner", "abc\n", ("abc", "", "")),
        ("digitalocean", "# mine\nexport DIGITALOCEAN_TOKEN='abc'\n", ("abc", "", "")),
        (
            "aws",
            "[default]\naws_access_key_id = AKIA\naws_secret_access_key = a/b=\n",
            ("a/b=", "AKIA", ""),
        ),
    ],
)
def test_a_file_says_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, provider: str, text: str, found: tuple[str, str, str]
) -> None:
    monkeypatch.setenv("HCLOUD_TOKEN", "other")
    file = tmp_path / "credentials"
    file.write_text(text)
    assert _given(provider, file) == found


@pytest.mark.parametrize(
    ("provider", "text"),
    [("hetzner", ""), ("hetzner", "a b\nc d\n"), ("aws", "AKIA"), ("aws", "AWS_ACCESS_KEY_ID=x")],
)
def test_a_file_without_any_is_named_and_not_shown(tmp_path: Path, provider: str, text: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    with pytest.raises(Misuse) as caught:
        _given(provider, file)
    assert caught.value.where == str(file) and "no credentials" in caught.value.why


class _Driver:
    def __init__(self) -> None:
        self.checked = 0

    def check(self) -> None:
        self.checked += 1


def test_what_is_missing_is_asked_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[str, Credentials]] = []
    driver = _Driver()

    def open_it(name: str, credentials: Credentials) -> _Driver:
        opened.append((name, credentials))
        return driver

    monkeypatch.setattr(providers, "open_driver", open_it)
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: "typed-secret")
    args = argparse.Namespace(credentials_file=None)
    typed(monkeypatch, "AKIA")
    driver_of(args, "hetzner")
    driver_of(args, "aws")
    assert [(name, given.secret.reveal(), given.key_id) for name, given in opened] == [
        ("hetzner", "typed-secret", ""),
        ("aws", "typed-secret", "AKIA"),
    ]
    assert driver.checked == 2
    shown = capsys.readouterr()
    assert "typed-secret" not in shown.out + shown.err


def test_without_a_terminal_the_ways_to_give_them_are_named() -> None:
    with pytest.raises(Misuse) as caught:
        driver_of(argparse.Namespace(credentials_file=None), "aws")
    assert "--credentials-file FILE" in caught.value.hint and "AWS_SECRET_ACCESS_KEY" in caught.value.hint
