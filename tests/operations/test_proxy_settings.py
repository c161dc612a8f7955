"""The proxy on the way to the relay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.proxy import Proxy
from tunnel_whisperer.operations.proxy_settings import clear_proxy, proxy_state, proxy_words, set_proxy
from tunnel_whisperer.profile import Profile, load_config, running

ENVIRON = {"HTTPS_PROXY": "http://env.test:3128"}
OWN = Proxy.parse("http://me:hush@own.test:8080")


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    return joined(tmp_path).server


def test_the_one_of_config_yaml_goes_before_the_environments(server: Profile) -> None:
    assert proxy_state(server, environ={}).words == "none: the relay is dialled directly"
    found = proxy_state(server, environ=ENVIRON)
    assert found.to_json() == {
        "proxy": {"url": "http://env.test:3128", "from": "HTTPS_PROXY"},
        "credentials": False,
        "in_use": None,
    }
    assert set_proxy(server, OWN).changed == ("proxy",)
    found = proxy_state(server, environ=ENVIRON)
    assert found.to_json()["credentials"] is True
    assert found.words == "http://own.test:8080, with a password, as config.yaml says"
    assert "hush" not in str(found.to_json())
    assert clear_proxy(server).changed == ("proxy",)
    assert proxy_state(server, environ=ENVIRON).choice.source == "HTTPS_PROXY"


def test_who_goes_another_way_has_to_be_started_again(server: Profile) -> None:
    used = {"url": "http://env.test:3128", "from": "HTTPS_PROXY"}
    with running(server, "tw serve"):
        assert proxy_state(server, environ=ENVIRON, live={"proxy": used}).restart is None
        found = proxy_state(server, environ={}, live={"proxy": used})
        assert found.restart is not None
        assert found.restart.command == "tw serve"
        assert found.in_use == used
        assert proxy_state(server, environ={}, live={"proxy": None}).restart is None
    assert proxy_state(server, environ={}).restart is None


def test_a_relay_dials_nobody(tmp_path: Path) -> None:
    relay = joined(tmp_path).relay
    assert proxy_state(relay, environ=ENVIRON).words == "none: a relay dials nobody"
    with pytest.raises(Misuse, match="it would have no effect"):
        set_proxy(relay, OWN)


def test_what_keeps_the_relay_out_of_the_proxy_is_told(server: Profile) -> None:
    config = load_config(server.config)
    environ = {**ENVIRON, "NO_PROXY": config.dials}
    found = proxy_state(server, environ=environ)
    assert found.words == proxy_words(found.choice, config, environ)
    assert f"keeps {config.dials} out of the proxy" in found.words


def test_where_nothing_is_set_up_the_environment_is_told(tmp_path: Path) -> None:
    new = Profile(tmp_path / "new")
    assert proxy_state(new, environ=ENVIRON).words == "http://env.test:3128, as HTTPS_PROXY says"
    assert not new.directory.exists()
    with pytest.raises(Misuse) as caught:
        set_proxy(new, OWN)
    assert caught.value.code == "not-set-up"
