"""Which files there are."""

from __future__ import annotations

import hashlib

from tests.provision.standard.sites import site
from tunnel_whisperer.provision.standard import files


def test_what_lets_somebody_in_is_not_for_everybody() -> None:
    one = site()
    secrets = [str(tenant.uuid) for tenant in one.tenants] + [one.host_key.strip()]
    for file in files(one):
        expected = {one.layout.xray_config: (0o640, "xray"), one.layout.host_key: (0o600, "root")}
        assert (file.mode, file.group) == expected.get(file.path, (0o644, "root"))
        assert any(secret in file.text for secret in secrets) == (file.path in expected)
        assert "PRIVATE" not in repr(file) and "PRIVATE" not in repr(one)


def test_each_tenant_has_a_ca_and_none_is_left_without_tenants() -> None:
    paths = {file.path for file in files(site())}
    assert {"/etc/caddy/tenants/mill.crt", "/etc/caddy/tenants/plant.crt"} <= paths
    assert len(files(site(tenants=()))) == len(paths) - 2


def test_the_digest_is_the_one_of_the_bytes() -> None:
    for file in files(site()):
        assert file.digest == hashlib.sha256(file.text.encode()).hexdigest()
