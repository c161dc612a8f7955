"""What a standard relay's administrator has on disk for it. The way to the machine is in tests/e2e/relays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.provision.standard.test_certificates import DOMAIN, caddys_files, tar_of
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.pki import public_key_of
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import files
from tunnel_whisperer.provision.standard.install_script import cloud_init
from tunnel_whisperer.tenancy import make_standard_relay_identity


@pytest.fixture
def relay(tmp_path: Path) -> StandardRelay:
    profile = Profile(tmp_path / "relay")
    return StandardRelay(profile, make_standard_relay_identity(profile, DOMAIN))


def test_the_user_data_has_a_host_key_for_one_visit_and_stays_the_same(relay: StandardRelay) -> None:
    lasting = relay.profile.read(relay.profile.host_key).decode()
    assert relay.host_keys() == (public_key_of(lasting.encode()),)
    first = relay.first_site()
    assert relay.first_site() == first and first.host_key != lasting
    assert relay.host_keys()[1] == public_key_of(first.host_key.encode())
    assert [tenant.server_id for tenant in first.tenants] == ["relay-admin"]
    assert first.first_tls is None and not relay.begins_with_saved


def test_a_visitor_shows_no_certificate(relay: StandardRelay) -> None:
    endpoint = relay.endpoint()
    assert endpoint.certificate is endpoint.key is None
    assert (endpoint.address.host, endpoint.address.port) == (DOMAIN, 443)


def test_with_saved_certificates_the_machine_waits_for_them(relay: StandardRelay) -> None:
    saved = caddys_files()
    relay.saved.write_bytes(tar_of(saved))
    first = relay.first_site()
    assert relay.begins_with_saved and first.first_tls is not None and relay.first_site() == first
    written = {file.path: file.text for file in files(first)}
    assert (written["/etc/caddy/first.crt"], written["/etc/caddy/first.key"]) == first.first_tls
    assert "tls /etc/caddy/first.crt /etc/caddy/first.key" in written["/etc/caddy/Caddyfile"]
    user_data = cloud_init(first)
    assert not any(text.decode() in user_data for name, text in saved.items() if name.endswith(".key"))
    assert relay.site().first_tls is None and relay.site().layout.tls_files is None


@pytest.mark.parametrize("saved", [b"", b"damaged", tar_of(caddys_files("other.org"))])
def test_saved_certificates_that_are_of_no_use_change_nothing(relay: StandardRelay, saved: bytes) -> None:
    relay.saved.write_bytes(saved)
    assert relay.first_site().first_tls is None and not relay.begins_with_saved
