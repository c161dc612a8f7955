"""Caddy's configuration, as text and as Caddy reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop import caddy
from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import site, tenant
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.caddyfile import caddyfile


def test_it_is_the_one_that_was_read() -> None:
    check_golden("Caddyfile", caddyfile(site()))


def test_it_differs_only_by_the_tenants() -> None:
    one, two = (caddyfile(site(tenants=tenants)) for tenants in ((tenant("plant", 0),), ()))
    assert "client_auth" not in two and "handle @" not in two
    assert one.count("reverse_proxy") == 1


@pytest.mark.interop
@pytest.mark.skipif(bool(caddy.missing()), reason=caddy.missing())
@pytest.mark.parametrize("count", [0, 1, 40])
def test_caddy_takes_it(count: int, tmp_path: Path) -> None:
    tenants = tuple(tenant(f"t{i}", i) for i in range(count))
    one = site(tenants=tenants, layout=Layout(tenant_cas=str(tmp_path)))
    for each in one.tenants:
        Path(one.layout.ca_file(each)).write_text(each.ca_pem)
    file = tmp_path / "Caddyfile"
    file.write_text(caddyfile(one))
    program = caddy.binary()
    assert program
    command = (program, "validate", "--adapter", "caddyfile", "--config", str(file))
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=home, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    adapted = subprocess.run(
        (program, "adapt", "--adapter", "caddyfile", "--config", str(file)),
        env=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    server = json.loads(adapted.stdout)["apps"]["http"]["servers"]["srv0"]
    assert server["protocols"] == ["h1", "h2"] and server["listen"] == [":443"]
    policies = server["tls_connection_policies"]
    assert policies[0]["protocol_min"] == "tls1.3"
    asked = [policy.get("client_authentication", {}).get("mode") for policy in policies]
    assert asked[0] == ("verify_if_given" if count else None)
