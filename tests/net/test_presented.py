from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.net.certificates import Certificates
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.presented import presented_certificate
from tunnel_whisperer.net.tls import server_context


@both_loops
def test_the_leaf_is_told_whoever_issued_it(certificates: Certificates, loop_factory: LoopFactory) -> None:
    async def main() -> None:
        context = server_context(*certificates.relay, [certificates.tenant_ca], alpn=("h2",))
        listener = Listener(HostPort("127.0.0.1", 0), Recorder, context=context)
        try:
            der = await presented_certificate(await listener.start(), None)
        finally:
            await listener.close()
        expected = Path(certificates.relay[0]).read_text()
        assert der == ssl.PEM_cert_to_DER_cert(expected)

    real_run(main(), loop_factory=loop_factory)


def test_who_is_not_there_is_told_as_that() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(Unreachable):
            real_run(presented_certificate(HostPort("127.0.0.1", closed.getsockname()[1]), None))
