from __future__ import annotations

import re
from inspect import getmembers

import pytest
from asyncssh.connection import SSHClientConnection, SSHServerConnection
from asyncssh.misc import map_handler_name

from tunnel_whisperer.ssh import endpoint, session
from tunnel_whisperer.ssh.offer import offers_only


def _open(cls: type) -> set[str]:
    pattern = re.compile(r"_process_(.+)_(open|global_request)\Z")
    return {name for name, value in getmembers(cls) if pattern.match(name) and value is not None}


def test_the_server_offers_connections_and_listeners_and_nothing_else() -> None:
    assert _open(endpoint._Connection) == {
        "_process_direct_tcpip_open",
        "_process_tcpip_forward_global_request",
        "_process_cancel_tcpip_forward_global_request",
        "_process_keepalive_at_openssh_dot_com_global_request",
    }


def test_the_client_offers_to_take_connections_and_nothing_else() -> None:
    assert _open(session._Connection) == {
        "_process_forwarded_tcpip_open",
        "_process_keepalive_at_openssh_dot_com_global_request",
    }


def test_asyncssh_itself_stays_as_it_is() -> None:
    assert "_process_session_open" in _open(SSHServerConnection)
    assert "_process_x11_open" in _open(SSHClientConnection)


def test_asyncssh_still_finds_what_a_peer_asks_for_by_these_names() -> None:
    name = map_handler_name("keepalive@openssh.com")
    assert f"_process_{name}_global_request" in _open(SSHServerConnection)


def test_what_does_not_exist_cannot_be_offered() -> None:
    with pytest.raises(AttributeError):
        offers_only("_process_telepathy_open")(type("Connection", (), {}))
