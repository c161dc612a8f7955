"""A bare Debian 12 becomes a standard relay by its user-data, and stays one.

The tests follow each other on one machine, as its years would: installed, used, installed again,
opened and shut, attacked by its own past, started again.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.machine.machine import ADDRESSES
from tests.e2e.machine.outside import DOMAIN, missing
from tests.e2e.machine.relay import Relay
from tests.e2e.machine.root import built
from tunnel_whisperer.provision.standard.install_script import Sources

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.machine,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

INSIDE = (22, 2019, 10085, 20000, 30000, 30511)
"""Ports that somebody outside might look for: SSH, Caddy's usual management, Xray's, the slots'."""
PUBLIC = {(address, port) for address in ADDRESSES for port in (80, 443)}
STEPS = (
    "looking at the machine",
    "installing Debian's packages",
    "installing Caddy",
    "installing Xray",
    "making the accounts",
    "writing the configuration",
    "restarting sshd",
    "shutting all ports but 80 and 443",
    "starting Xray",
    "starting Caddy",
    "the relay runs",
)


def _is_well(relay: Relay) -> None:
    states = relay.machine.try_("systemctl", "is-active", "caddy", "xray", "ssh", "nftables").stdout.split()
    assert states == ["active"] * 4, relay.machine.try_("systemctl", "--failed").stdout
    public = {where for where in relay.listening() if "127.0.0.1:" not in where}
    assert public == {"tcp *:80", "tcp *:443"}
    assert "tcp 127.0.0.1:22" in relay.listening()


# -- the first boot ----------------------------------------------------------------------------------


def test_a_bare_debian_has_none_of_what_the_script_needs() -> None:
    """Or the next ones would prove less."""
    for program in ("sudo", "curl", "gpg", "unzip", "caddy"):
        assert not (built().system / "usr/bin" / program).exists(), program


def test_cloud_init_takes_the_user_data(relay: Relay) -> None:
    path = "/var/lib/cloud/seed/nocloud/user-data"
    assert "Valid" in relay.machine.run("cloud-init", "schema", "--config-file", path)


def test_the_first_boot_makes_the_relay_and_says_each_step(relay: Relay) -> None:
    said = relay.machine.run("cat", "/var/log/cloud-init-output.log")
    at = 0
    for step in STEPS:
        at = said.find(f"tw: {step}", at)
        assert at >= 0, f"{step}: {said}"
    assert relay.progress() == {"step": "the relay runs", "state": "done"}
    assert "status: done" in relay.machine.run("cloud-init", "status")


def test_everything_runs_and_listens_on_loopback_but_80_and_443(relay: Relay) -> None:
    _is_well(relay)
    # No HTTP/3, whose port would be shut; and Caddy's management is a socket for root and itself.
    assert not {where for where in relay.listening() if where.startswith("udp") or where.endswith(":2019")}
    assert relay.machine.sh("stat -c %a /run/caddy/admin.sock /run/caddy").split() == ["600", "700"]


def test_from_outside_only_80_and_443_answer(relay: Relay) -> None:
    """Even where somebody listens: the firewall holds by itself, on IPv4 and IPv6."""
    listen = "import socket, time\na = socket.create_server(('::', 8080), family=socket.AF_INET6, dualstack_ipv6=True)"
    relay.machine.sh(f'systemd-run -q --unit=careless python3 -c "{listen}\ntime.sleep(600)"')
    relay.machine.await_success("ss -Hltn sport = :8080 | grep .")
    assert relay.answering(*INSIDE, 80, 443, 8080) == PUBLIC
    relay.machine.run("systemctl", "stop", "careless")


def test_the_certificate_comes_by_acme(relay: Relay) -> None:
    """With the very configuration of a real one, from Let's Encrypt's name."""
    folder = "/var/lib/caddy/.local/share/caddy/certificates"
    found = relay.machine.await_success(f"find {folder} -name '*.crt' | grep .")
    assert f"acme-v02.api.letsencrypt.org-directory/{DOMAIN}/" in found
    for address in ADDRESSES:
        there = (
            "-sS",
            "--cacert",
            str(relay.outside.roots),
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--resolve",
            f"{DOMAIN}:443:[{address}]",
        )
        done = relay.outside.run(
            "curl", "--tlsv1.3", "--retry", "5", "--retry-all-errors", *there, f"https://{DOMAIN}"
        )
        assert done.stdout == "404", done.stderr
        assert relay.outside.run("curl", "--tls-max", "1.2", *there, f"https://{DOMAIN}").returncode == 35


def test_no_account_has_a_password(relay: Relay) -> None:
    shadow = [line.split(":")[1] for line in relay.machine.run("cat", "/etc/shadow").splitlines()]
    assert all(entry.startswith(("*", "!")) for entry in shadow), shadow


def test_what_was_there_before_is_kept_beside(relay: Relay) -> None:
    kept = relay.machine.sh("find /etc /usr/local /var/lib/tw -name '*.before-tw'").split()
    assert kept == ["/etc/nftables.conf.before-tw"]
    assert "flush ruleset" in relay.machine.run("cat", *kept)


def test_it_looks_after_itself(relay: Relay) -> None:
    """Security updates and Caddy's come by themselves, and logs do not fill the disk."""
    said = relay.machine.run("unattended-upgrade", "--dry-run", "--debug")
    assert "site=dl.cloudsmith.io" in said and "label=Debian-Security" in said
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "caddy", "xray", "ssh", "nftables"):
        assert relay.machine.run("systemctl", "is-enabled", unit) == "enabled\n", unit
    assert "SystemMaxUse=200M" in relay.machine.run("systemd-analyze", "cat-config", "systemd/journald.conf")
    # What systemd does not know of a unit it tells there.
    assert relay.machine.run("systemd-analyze", "verify", "--man=no", "xray.service", "caddy.service") == ""


# -- used --------------------------------------------------------------------------------------------


def test_a_server_is_enrolled_through_the_relay_and_its_users_bytes_pass(tunnel: Relay) -> None:
    tunnel.carries()
    # The host key of the user-data, which others may have read, was good for the first visit alone.
    private = tunnel.profile.read(tunnel.profile.host_key).decode()
    assert tunnel.machine.run("cat", "/etc/ssh/tw/host_key") == private != tunnel.first_site.host_key
    said = tunnel.outside.tw("relay", "test", "relay")
    assert "fail" not in said.lower(), said


def test_a_second_run_changes_nothing_and_keeps_servers_and_foreign_keys(tunnel: Relay) -> None:
    foreign = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIm6rtoRbV5vPv3+WMlZkVdV0xPdcYJDAVSEM0HOsbhF somebody"
    for home in ("/root", "/home/tw-admin"):
        keys = f"{home}/.ssh/authorized_keys"  # ours come last
        tunnel.machine.sh(
            f"mkdir -p {home}/.ssh; touch {keys}; printf '%s\n' '{foreign}' \"$(cat {keys})\" >{keys}"
        )
    tunnel.machine.sh("nft add table inet others")
    before = tunnel.contents()
    for _ in range(2):
        done = tunnel.install()
        assert done.returncode == 0, done.stderr
    assert tunnel.contents() == before
    assert foreign in tunnel.machine.run("cat", "/home/tw-admin/.ssh/authorized_keys")
    _is_well(tunnel)
    tunnel.carries()
    assert tunnel.apply() == "[]\n"


# -- opened and shut ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["script", "change"])
def test_ssh_opens_for_keys_alone_and_shuts_without_a_trace(tunnel: Relay, by: str) -> None:
    before = tunnel.contents()
    # As a provider's image may have it (ssh_pwauth: true).
    careless = "/etc/ssh/sshd_config.d/50-cloud-init.conf"
    kept = tunnel.machine.run("cat", careless)
    tunnel.machine.sh(f"echo 'PasswordAuthentication yes' >{careless}")
    _set_ssh(tunnel, by, opened=True)
    key = ("-i", str(tunnel.profile.private_key))
    for address in ADDRESSES:
        admin = tunnel.ssh(address, *key)
        assert admin.stdout == "0\n", admin.stderr
        nobody = tunnel.ssh(address, "-o", "PreferredAuthentications=password,keyboard-interactive")
        assert "Permission denied (publickey)" in nobody.stderr
    assert tunnel.answering(*INSIDE, 80, 443) == PUBLIC | {(address, 22) for address in ADDRESSES}
    _set_ssh(tunnel, by, opened=False)
    tunnel.machine.sh(f"cat >{careless} <<'END'\n{kept}END")
    assert tunnel.answering(*INSIDE, 80, 443) == PUBLIC
    _is_well(tunnel)
    assert tunnel.contents() == before
    tunnel.carries()


def _set_ssh(relay: Relay, by: str, *, opened: bool) -> None:
    if by == "change":
        relay.apply(ssh_open=opened)
        return
    done = relay.install(ssh_open=opened)
    assert done.returncode == 0, done.stderr


# -- what can go wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "step", "why"),
    [
        ("caddy_key", "installing Caddy", "the key of Caddy's packages is"),
        ("xray_amd64", "installing Xray", "has another SHA-256 than"),
    ],
)
def test_what_is_not_as_we_know_it_is_not_installed(tunnel: Relay, wrong: str, step: str, why: str) -> None:
    """The lab's own is what a forger's would be."""
    before = tunnel.contents()
    real = {wrong: getattr(Sources(), wrong)}
    done = tunnel.install(sources=replace(tunnel.origins.sources, **real))
    assert done.returncode == 1
    assert f"tw: failed while {step}" in done.stderr and why in done.stderr
    assert tunnel.progress()["state"] == "failed" and tunnel.progress()["step"].startswith(step)
    assert tunnel.contents() == before
    _is_well(tunnel)
    tunnel.carries()


def test_another_apt_is_waited_for(tunnel: Relay) -> None:
    """On a young machine the daily one is often under way; DPkg::Lock::Timeout says nothing of its lists."""
    hold = "import fcntl, time\nlists = open('/var/lib/apt/lists/lock', 'w')\nfcntl.lockf(lists, fcntl.LOCK_EX)\n"
    tunnel.machine.sh(f'systemd-run -q --unit=daily python3 -c "{hold}print(flush=True)\ntime.sleep(4)"')
    tunnel.machine.await_success('grep POSIX /proc/locks | grep -q ":$(stat -c %i /var/lib/apt/lists/lock) "')
    done = tunnel.install()
    assert done.returncode == 0, done.stderr


def test_a_failure_of_others_is_told_with_its_step(tunnel: Relay) -> None:
    broken = "/etc/ssh/sshd_config.d/99-somebody.conf"
    tunnel.machine.sh(f"echo 'Nonsense yes' >{broken}")
    try:
        done = tunnel.install()
    finally:
        tunnel.machine.run("rm", broken)
    assert done.returncode == 1 and "tw: failed while restarting sshd: line" in done.stderr
    assert "Nonsense" in done.stderr and done.stderr.count("tw: failed") == 1
    assert tunnel.progress() == {"step": "restarting sshd", "state": "failed"}
    _is_well(tunnel)
    assert tunnel.install().returncode == 0
    assert tunnel.progress()["state"] == "done"


# -- started again -----------------------------------------------------------------------------------


def test_with_a_socket_activated_sshd_and_after_a_reboot_all_is_as_before(tunnel: Relay) -> None:
    """As on Ubuntu 24.04, where the socket would listen on all addresses."""
    tunnel.machine.sh("systemctl disable -q --now ssh; systemctl enable -q --now ssh.socket")
    assert "tcp *:22" in tunnel.listening()
    done = tunnel.install()
    assert done.returncode == 0, done.stderr
    _is_well(tunnel)
    tunnel.machine.sh("nft delete table inet others")  # nobody wrote it down
    before = tunnel.contents()
    tunnel.machine.reboot()
    tunnel.machine.await_success("for name in caddy xray ssh nftables; do systemctl is-active $name; done")
    _is_well(tunnel)
    assert tunnel.answering(*INSIDE, 80, 443) == PUBLIC
    assert tunnel.contents() == before
    tunnel.carries()
    assert tunnel.apply() == "[]\n"
