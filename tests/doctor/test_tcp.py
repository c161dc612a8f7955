from __future__ import annotations

import pytest

from tests.doctor.doubles import closed_port, listening, proxy_that_answers
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Refused, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor.tcp import check_proxy, check_tcp
from tunnel_whisperer.net.proxy import Proxy


def test_a_connection_names_the_address_that_answered() -> None:
    async def main() -> None:
        async with listening(proxy_that_answers(b"")) as address:
            found = await check_tcp(HostPort("localhost", address.port), None)
            assert found.detail == f"connected to {address}"

    real_run(main())


def test_a_closed_port_asks_for_the_relay_and_the_firewalls() -> None:
    async def main() -> None:
        address = await closed_port()
        with pytest.raises(Unreachable) as caught:
            await check_tcp(address, None)
        assert (caught.value.code, caught.value.where) == ("relay-unreachable", str(address))
        assert f"port {address.port}" in caught.value.hint

    real_run(main())


def test_a_proxy_that_is_not_there_is_named_as_the_proxy() -> None:
    async def main() -> None:
        proxy = Proxy.parse(f"http://ann:secret@{await closed_port()}")
        with pytest.raises(Unreachable) as caught:
            await check_proxy(proxy)
        assert caught.value.where == str(proxy) and "tw proxy" in caught.value.hint
        assert "secret" not in f"{caught.value}{caught.value.hint}"

    real_run(main())


def test_a_proxy_that_wants_a_password_is_named() -> None:
    async def main() -> None:
        async with listening(proxy_that_answers(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")) as address:
            proxy = Proxy.parse(f"http://{address}")
            assert "accepts connections" in (await check_proxy(proxy)).detail
            with pytest.raises(Refused) as caught:
                await check_tcp(HostPort("relay.test", 443), proxy)
            assert (caught.value.code, caught.value.where) == ("proxy-refused", str(proxy))
            assert "wants a user name and a password" in caught.value.why

    real_run(main())


def test_behind_a_proxy_both_are_told() -> None:
    async def main() -> None:
        async with listening(proxy_that_answers(b"HTTP/1.1 200 OK\r\n\r\n")) as address:
            found = await check_tcp(HostPort("relay.test", 443), Proxy.parse(f"http://{address}"))
            assert found.detail == f"connected to relay.test:443 through http://{address}"

    real_run(main())
