"""Which files there are."""

from __future__ import annotations

import hashlib

from tests.provision.standard.sites import site
from tunnel_whisperer.provision.standard import files


def test_uuids_are_not_for_everybody() -> None:
    one = site()
    named = [str(tenant.uuid) for tenant in one.tenants]
    for file in files(one):
        has_uuid = any(uid in file.text for uid in named)
        assert has_uuid == (file.path == one.layout.xray_config)
        assert (file.mode, file.group) == ((0o640, "xray") if has_uuid else (0o644, "root"))


def test_each_tenant_has_a_ca_and_none_is_left_without_tenants() -> None:
    paths = {file.path for file in files(site())}
    assert {"/etc/caddy/tenants/mill.crt", "/etc/caddy/tenants/plant.crt"} <= paths
    assert len(files(site(tenants=()))) == len(paths) - 2


def test_the_digest_is_the_one_of_the_bytes() -> None:
    for file in files(site()):
        assert file.digest == hashlib.sha256(file.text.encode()).hexdigest()
