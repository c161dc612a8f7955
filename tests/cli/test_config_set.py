"""tw config set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, load_config


def test_fields_are_set_and_shown_without_secrets(server: Tw) -> None:
    assert server.ok("config", "set", "xray.transport", "packet-up") == "xray.transport: packet-up\n"
    out = server.ok("config", "set", "proxy", "http://me:hunter2@proxy.test:3128")
    assert out == "proxy: http://<credentials>@proxy.test:3128\n"
    config = load_config(Profile(server.directory).config)
    assert (config.xray.transport, config.proxy) == ("packet-up", "http://me:hunter2@proxy.test:3128")
    assert server.ok("config", "set", "proxy", "") == "proxy: not set\n"
    assert "as it was" in server.ok("config", "set", "proxy", "")


def test_several_are_taken_over_together_or_not_at_all(relay: Tw) -> None:
    behind = ("relay.behind_proxy", "true", "relay.listen", "127.0.0.1:8080")
    relay.refused("bad-argument", "config", "set", *behind[:2])
    assert "relay.behind_proxy: true" in relay.ok("config", "set", *behind)
    before = Profile(relay.directory).config.read_bytes()
    relay.refused("bad-argument", "config", "set", "log_level", "debug", "relay.listen", "nonsense")
    told = relay.refused("bad-argument", "config", "set", "log_level", "debug", "relay.listen")
    assert "'relay.listen' has no value" in told
    assert Profile(relay.directory).config.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mode", "relay"), "a context keeps its role"),
        (("role_signature", "AAAA"), "signed it"),
        (("xray.uuid", "01234567-89ab-cdef-0123-456789abcdef"), "certificate"),
        (("relay_prot", "1"), "try: xray.relay_port"),
        (("server.ssh_port", "9000"), "no effect yet"),
        (("client.listen_address", "0.0.0.0"), "is for a client"),
        (("xray.relay_port", "port"), "a whole number from 1 to 65535"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(words: tuple[str, str], says: str, server: Tw) -> None:
    assert says in server.refused("bad-argument", "config", "set", *words)


def test_a_field_without_a_value_names_what_is_missing(server: Tw) -> None:
    assert "are required: VALUE (try:" in server.refused("bad-argument", "config", "set", "log_level")


def test_a_certificate_of_ones_own_is_looked_at_from_where_one_is(relay: Tw, tmp_path: Path) -> None:
    told = relay.refused("file-unreadable", "config", "set", "relay.cert", "c.pem", "relay.key", "k.pem")
    assert str(tmp_path / "c.pem") in told
