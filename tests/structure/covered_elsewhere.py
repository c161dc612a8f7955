"""Modules without a test file of their own name, and what covers them instead.

``module: (test file, why it is enough)``. Nothing enters here because a test is missing.
"""

from __future__ import annotations

__all__ = ["COVERED_ELSEWHERE"]

_WHOLE = "tests/daemon/test_three_roles.py"

COVERED_ELSEWHERE: dict[str, tuple[str, str]] = {
    "tunnel_whisperer.daemon.client_root": (_WHOLE, "assembles: a whole client runs in each scenario"),
    "tunnel_whisperer.daemon.server_root": (_WHOLE, "assembles: a whole server runs in each scenario"),
    "tunnel_whisperer.tunnel.tunnel": (_WHOLE, "assembles: its words for each failure are asserted there"),
    "tunnel_whisperer.provision.drivers.aws_account": (
        "tests/provision/drivers/test_aws.py",
        "the driver finds and removes through it in each test",
    ),
    "tunnel_whisperer.daemon.announcing": (
        "tests/e2e/relays/test_changes.py",
        "its peer can only be the OpenSSH of a standard relay",
    ),
    "tunnel_whisperer.ssh.command": (
        "tests/interop/test_ssh_command.py",
        "its peer can only be a real OpenSSH: ours runs no commands",
    ),
    "tunnel_whisperer.daemon.demo": ("tests/cli/test_demo.py", "the demonstration has one way to be run"),
    "tunnel_whisperer.api.gate.admission": (
        "tests/api/gate/test_guard.py",
        "it is what the guard hands to routes, and is read there in each test",
    ),
    "tunnel_whisperer.api.gate.bodies": ("tests/api/gate/test_guard_bodies.py", "each test there is of it"),
    "tunnel_whisperer.api.gate.exchange": (
        "tests/api/gate/test_guard.py",
        "what becomes of a request behind the guard; its sizes in test_guard_bodies.py",
    ),
}
