"""The script that makes a relay; it runs for real in tests/e2e/machine."""

from __future__ import annotations

import base64
import gzip
import io
import re
import shutil
import subprocess
import tarfile

import pytest
import yaml

from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import key, site, tenant
from tunnel_whisperer.provision.standard import Layout, files
from tunnel_whisperer.provision.standard.host_files import host_files
from tunnel_whisperer.provision.standard.install_script import Sources, cloud_init, install_script

REAL = site(tenants=(tenant("plant", 0),), layout=Layout())


def _archive(script: str) -> dict[str, str]:
    found = re.search(r"base64 -d <<'END' .*?\n(.*?)\nEND\n", script, re.DOTALL)
    assert found
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(base64.b64decode(found[1])))) as archive:
        members = {member.name: archive.extractfile(member) for member in archive}
        return {f"/{name}": data.read().decode() for name, data in members.items() if data}


def test_it_is_the_one_that_was_read() -> None:
    script = install_script(site(tenants=()))
    check_golden("install.sh", re.sub(r"(?m)^[A-Za-z0-9+/=]{40,}\n", "", script))


def test_it_carries_every_file_and_no_placeholder() -> None:
    script = install_script(REAL)
    assert _archive(script) == {file.path: file.text for file in (*files(REAL), *host_files(REAL.layout))}
    assert not re.findall(r"@[A-Z_]+@", script)
    assert f'from="127.0.0.1" {key(99)} tw-admin\n' in script


def test_the_same_site_gives_the_same_bytes() -> None:
    assert install_script(REAL) == install_script(REAL)


def test_a_lab_may_sign_in_the_place_of_others() -> None:
    script = cloud_init(REAL, Sources(caddy_key="C" * 40, xray_amd64="a" * 64, xray_arm64="b" * 64))
    assert f"CADDY_KEY={'C' * 40}\n" in script
    assert f"XRAY_SHA256={'a' * 64} ;;" in script and f"XRAY_SHA256={'b' * 64} ;;" in script


def test_an_open_ssh_is_expected_on_all_addresses() -> None:
    assert '[ "$found" = "127.0.0.1:22 " ]' in install_script(site())
    assert '[ "$found" = "0.0.0.0:22 [::]:22 " ]' in install_script(site(ssh_open=True))


def test_the_user_data_is_the_script_and_fits_every_provider() -> None:
    text = cloud_init(REAL)
    parsed = yaml.safe_load(text)
    (file,) = parsed["write_files"]
    assert file["content"] == install_script(REAL) and file["permissions"] == "0700"
    assert parsed["runcmd"] == [["bash", file["path"]]] and parsed["ssh_pwauth"] is False
    # Hetzner, DigitalOcean; AWS takes it compressed.
    assert len(text) < 32 * 1024 and len(text) < 64 * 1024 and len(gzip.compress(text.encode())) < 16 * 1024


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck here")
def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(
        ("shellcheck", "-s", "bash", "-"),
        input=install_script(REAL),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_part_of_it_does_nothing() -> None:
    script = install_script(REAL)
    for share in (0.3, 0.6, 0.9, 0.99):
        part = script[: int(len(script) * share)]
        done = subprocess.run(
            (shutil.which("bash") or "bash", "-s"),
            input=part,
            capture_output=True,
            text=True,
            env={"PATH": "/nonexistent"},
            check=False,
        )
        assert done.stdout == "", share
