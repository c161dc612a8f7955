"""tw proxy set and its questions."""

from __future__ import annotations

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, load_config


def test_it_is_kept_and_its_credentials_are_not_shown(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other.test:1")
    result = server("proxy", "set", "http://me:p@ss/w@proxy.test:3128")
    assert result.out == "http://proxy.test:3128, with a password, as config.yaml says\n"
    assert "ss/w" not in result.err
    assert load_config(Profile(server.directory).config).proxy == "http://me:p%40ss%2Fw@proxy.test:3128"


@pytest.mark.parametrize(
    "url", ["ftp://me:hunter2@p", "http://", "http://p:99999", "http://me:hunter2@p/x", "http://:hunter2@p"]
)
def test_what_is_no_proxy_is_refused_and_not_repeated(url: str, server: Tw) -> None:
    assert "hunter2" not in server.refused("bad-argument", "proxy", "set", url)


def test_without_a_terminal_the_questions_name_their_flag(server: Tw) -> None:
    assert "add its URL" in server.refused("bad-argument", "proxy", "set")
    told = server.refused("bad-argument", "proxy", "set", "http://me@p", "--ask-password")
    assert "http://user:password@host:port" in told
    told = server.refused("bad-argument", "proxy", "set", "http://p", "--ask-password")
    assert "no user name" in told


def test_a_password_that_was_asked_for_is_kept_whatever_is_in_it(
    server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel_whisperer.cli.proxy_set.ask_secret", lambda *_, **__: "a b:@/%")
    server.ok("proxy", "set", "http://me@proxy.test", "--ask-password")
    assert load_config(Profile(server.directory).config).proxy == "http://me:a%20b%3A%40%2F%25@proxy.test:80"


def test_a_relay_and_an_empty_directory_have_no_proxy(relay: Tw, tw: Tw) -> None:
    assert "is for a server or a client" in relay.refused("bad-argument", "proxy", "set", "http://p:1")
    tw.refused("not-set-up", "proxy", "set", "http://p:1")
