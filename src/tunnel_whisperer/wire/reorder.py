"""The packets of a packet-up upload, put back in order.

Packets are POST bodies numbered 0, 1, 2.., which come on any connection in any order. The one
whose turn it is passes through in pieces as they arrive; later ones wait, whole or in part. So a
packet never has to fit into a flow-control window, and only what overtook is held.

A packet cut off in the middle may be sent again by its client (Xray does so on HTTP/1.1, so do
we): the bytes that passed already are skipped in the second copy, and of two copies under way
the newer counts.

Source: Xray splithttp/upload_queue.go and its limits (spec 5.3); passing in pieces is ours.
"""

from __future__ import annotations

from collections import deque

from ..base.pieces import append_piece

__all__ = ["Packet", "PacketQueue"]


class Packet:
    """One packet under way or waiting."""

    __slots__ = ("complete", "last", "pieces", "request_id", "seq", "size", "taken")

    def __init__(self, seq: int, request_id: int, last: bool) -> None:
        self.seq = seq
        self.request_id = request_id
        self.last = last
        self.size = 0  # bytes received
        self.taken = 0  # bytes handed out or skipped
        self.pieces: deque[bytes] = deque()
        self.complete = False


class PacketQueue:
    """Packets in, pieces in order out."""

    def __init__(self) -> None:
        self.held = 0
        """Complete packets that were not taken yet."""
        self.ended = False
        """The last packet was taken."""
        self._next_seq = 0
        self._passed = 0  # bytes of packet next_seq that were handed out, by whichever copy
        self._packets: dict[int, Packet] = {}

    @property
    def waiting_bytes(self) -> int:
        """Bytes received and neither handed out nor skipped."""
        return sum(packet.size - packet.taken for packet in self._packets.values())

    def __len__(self) -> int:
        """Packets under way and waiting."""
        return len(self._packets)

    def open(self, seq: int, request_id: int, *, last: bool) -> tuple[Packet | None, Packet | None]:
        """Begin a packet.

        Returns:
            The packet, or None if that number was taken or is completely here; and the older,
            unfinished copy that it replaces, if any.
        """
        old = self._packets.get(seq)
        if seq < self._next_seq or self.ended or (old is not None and old.complete):
            return None, None
        packet = self._packets[seq] = Packet(seq, request_id, last)
        return packet, old

    def receive(self, packet: Packet, data: bytes) -> None:
        """A piece of its body."""
        packet.size += len(data)
        append_piece(packet.pieces, data)

    def finish(self, packet: Packet) -> None:
        """Its body is complete."""
        packet.complete = True
        self.held += 1

    def abandon(self, packet: Packet) -> None:
        """Its body will not be completed."""
        if self._packets.get(packet.seq) is packet:
            del self._packets[packet.seq]

    def unfinished(self) -> list[Packet]:
        """Packets whose bodies are still under way."""
        return [packet for packet in self._packets.values() if not packet.complete]

    def take(self) -> tuple[Packet, bytes, int] | None:
        """The next piece in order.

        Returns:
            Its packet, its bytes that are new, and how many were skipped as known from an earlier
            copy; or None if nothing can be taken now.
        """
        packet = self._packets.get(self._next_seq)
        while packet is not None:
            if packet.pieces:
                piece = packet.pieces.popleft()
                skip = min(len(piece), max(0, self._passed - packet.taken))
                packet.taken += len(piece)
                self._passed = max(self._passed, packet.taken)
                return packet, piece[skip:] if skip else piece, skip
            if not packet.complete:
                return None
            packet = self._forget(packet)
        return None

    def _forget(self, packet: Packet) -> Packet | None:
        """A packet was taken whole: the next one's turn."""
        del self._packets[packet.seq]
        self.held -= 1
        self._next_seq += 1
        self._passed = 0
        if packet.last:
            self.ended = True
            return None
        return self._packets.get(self._next_seq)
