"""The packet filter, as text and in a network of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import site
from tunnel_whisperer.provision.standard.firewall import firewall


def test_it_is_the_one_that_was_read() -> None:
    check_golden("nftables.conf", firewall(site()))


def test_ssh_is_open_where_it_was_asked_for() -> None:
    assert "tcp dport { 80, 443 } accept" in firewall(site())
    assert "tcp dport { 22, 80, 443 } accept" in firewall(site(ssh_open=True))


@pytest.mark.interop
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="nft needs root, and to be there")
def test_nft_takes_it_twice_and_leaves_other_tables_alone(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text(firewall(site()))
    script = f"nft add table inet theirs && nft -f {file} && nft -f {file} && nft list tables"
    done = subprocess.run(("unshare", "-n", "sh", "-c", script), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["table inet theirs", "table inet tw"]
