"""XhttpClient: any answers in any order, and any application in front of it.

The shell of the tests checks every order for sense; here is what the server does.
"""

from __future__ import annotations

import random

from tests.wire.client_kit import Client
from tunnel_whisperer.base.error_codes import ERROR_CODES
from tunnel_whisperer.base.limits import MAX_BUFFERED_POSTS, MAX_POST_BYTES
from tunnel_whisperer.wire.xhttp_client import MODES, ClientSettings

__all__ = ["case"]

_STATUSES = (200, 200, 200, 200, 200, 200, 200, 200, 204, 302, 404, 500, 599)


def _act(client: Client, chance: random.Random) -> None:
    open_ones = [n for n, a in client.asked.items() if not (a.reset or a.answered or a.told_lost)]
    ended = [n for n, a in client.asked.items() if a.ended and not (a.reset or a.told_lost)]
    match chance.choice(["write", "write", "head", "body", "end", "end", "sent", "reset", "app", "time"]):
        case "write":
            client.writes(bytes(chance.choice([0, 1, 500, 70_000, MAX_POST_BYTES + 1])))
        case "head" if open_ones:
            client.head(chance.choice(open_ones), chance.choice(_STATUSES) if chance.random() < 0.1 else 200)
        case "body" if open_ones:
            client.body(chance.choice(open_ones), chance.randbytes(chance.randint(1, 30)))
        case "end" if open_ones:
            client.end(chance.choice(open_ones))
        case "sent" if ended:
            client.sent(chance.choice(ended))
        case "reset" if client.asked:
            client.reset(chance.choice(list(client.asked)))
        case "app":
            if chance.random() < 0.5:
                chance.choice([client.ends, client.ends, client.gives_up])()
            client.machine.acknowledge(1, client.now)
            client.turn()
        case "time":
            client.now += chance.choice([0.0, 0.001, 0.03, 100.0])
            client.machine.handle_deadline(client.now)
            client.turn()
        case _:
            pass


def _check(client: Client) -> None:
    for asked in client.asked.values():
        assert asked.head.target.startswith("/tw/srv1/")
        if asked.head.method == "POST" and client.mode == "packet-up":
            assert len(asked.body) <= MAX_POST_BYTES
    if (packets := client.machine._packets) is not None:
        assert len(packets.requests) <= min(8, MAX_BUFFERED_POSTS)
        assert packets.unsent_bytes >= 0
    if client.app.lost is not None:
        assert client.app.cut is None or client.app.cut in ERROR_CODES


def case(chance: random.Random) -> None:
    """One stream's life."""
    interval_s = chance.choice([0.0, 0.0, 0.03])
    client = Client(
        chance.choice(MODES),
        http_version=chance.choice(["2", "1.1"]),
        settings=ClientSettings(post_interval_s=interval_s),
    )
    for _ in range(chance.randint(1, 60)):
        _act(client, chance)
        _check(client)
    client.gives_up()
    assert client.machine.next_deadline() is None
