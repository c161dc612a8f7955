"""XHTTP in each of its modes: whether bytes get to the far end and back.

The far end speaks SSH: what is sent there is an identification line, and what has to come back is
its own line and its first packet, which it sends only when it has ours (RFC 4253 section 4.2). So
an upload that something on the way holds back is seen, as a download is. Nobody logs in.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from ..base.errors import PeerFault, Refused, TwError, Unreachable
from ..base.limits import STREAM_ANSWER_TIMEOUT_S
from ..base.values import HostPort
from ..net.uplink import Uplink, UplinkSettings
from ..ssh.faults import peer_words
from .report import Found

__all__ = ["Carried", "carry"]

_IDENTIFICATION = b"SSH-2.0-tw\r\n"
_KEXINIT = 20
"""RFC 4253 section 7.1; behind the packet's length (4 bytes) and the padding's (1 byte)."""
_MAX_LINES_BYTES = 8192
"""Before its identification a server may say more: as much as this is read."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a stream brought back."""

    identification: str
    """The far end's line; empty when the relay took the stream and had nobody to join it with."""

    @property
    def far_end(self) -> bool:
        """Whether somebody was there."""
        return bool(self.identification)


class _Caller(asyncio.Protocol):
    """Says who it is, and waits for the other end's line and first packet."""

    def __init__(self) -> None:
        self.result: asyncio.Future[Carried] = asyncio.get_running_loop().create_future()
        self.result.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._received = bytearray()
        self._line = ""

    @property
    def heard_nothing(self) -> bool:
        """Not a byte came back so far."""
        return not (self._line or self._received)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(_IDENTIFICATION)

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            while not self._line and b"\n" in self._received:
                line, _, rest = bytes(self._received).partition(b"\n")
                self._received[:] = rest
                if line.startswith(b"SSH-"):
                    self._line = peer_words(line.decode("utf-8", "replace").rstrip("\r"))
            if not self._line and len(self._received) > _MAX_LINES_BYTES:
                self._fail(_not_ssh())
            elif self._line and len(self._received) > 5:
                self._packet(self._received[5])
        except asyncio.InvalidStateError:  # decided already; what comes now is of no interest
            pass

    def _packet(self, kind: int) -> None:
        if kind == _KEXINIT:
            self.result.set_result(Carried(self._line))
        else:
            self._fail(_not_ssh())

    def eof_received(self) -> bool:
        self._over(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(exc)

    def _over(self, exc: Exception | None) -> None:
        if self.result.done():
            return
        if isinstance(exc, TwError):
            self._fail(exc)
        elif not self.heard_nothing:
            self._fail(Unreachable("stream-reset", "the stream ended in the middle"))
        else:
            self.result.set_result(Carried(""))

    def _fail(self, exc: TwError) -> None:
        if not self.result.done():
            self.result.set_exception(exc)


def _not_ssh() -> PeerFault:
    return PeerFault("protocol-fault", "what came back is not SSH")


async def carry(
    settings: UplinkSettings, mode: str, destination: HostPort, *, timeout_s: float = STREAM_ANSWER_TIMEOUT_S
) -> Found[Carried]:
    """Send something to ``destination`` in this mode, and wait for the answer.

    Raises:
        TwError: nothing came back; ``relay-refused`` and ``user-not-active`` are answers.
    """
    uplink = Uplink(replace(settings, transport=mode))
    try:
        carried = await _call(uplink, destination, timeout_s)
    except Refused as exc:
        exc.where = exc.where or str(settings.relay.address)
        raise
    finally:
        await uplink.close()
    if carried.far_end:
        return Found(carried, f"bytes went there and back ({carried.identification})")
    return Found(carried, "the relay took the stream; nobody is behind it")


async def _call(uplink: Uplink, destination: HostPort, timeout_s: float) -> Carried:
    caller = _Caller()
    transport, _ = await uplink.open(destination, lambda: caller)
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(caller.result)
    except TimeoutError:
        # The relay's own answer came, and who is behind it speaks first: nobody is. A web server in
        # between may keep the end of the stream to itself (Caddy does, on HTTP/1.1).
        if caller.heard_nothing:
            return Carried("")
        raise Unreachable(
            "timeout",
            f"the far end speaks, and does not hear us within {timeout_s:g} s",
            where=str(uplink.settings.relay.address),
            hint="something on the way holds back what is sent until it is complete",
        ) from None
    finally:
        transport.abort()
