"""Taking down from the data path: nobody there waits for a disk.

    event loop --note--> pace --> queue (bounded) --> thread --> chain (lock, write, fsync)

All that waits is written at once, so a slow disk makes larger writes, not a longer queue. What
cannot be written, or finds no place in the queue, is counted; the count is told by a ``gap`` record
as soon as there is space again, which is tried every few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..base.audit_events import AuditValue
from ..base.errors import TwError
from ..base.limits import AUDIT_CLOSE_S, MAX_AUDIT_WAITING
from .chain import Chain
from .head import NOTHING_LOST, Head, Loss
from .note import AuditState
from .pace import Pace
from .record import START, Note

__all__ = ["AuditWriter"]

_log = logging.getLogger("tw.audit")

_TICK_S = 2.0
"""How often the thread looks whether a summary is due, and whether there is space again."""


class AuditWriter:
    """An ``Audit`` for a role that runs: ``start`` it, and ``close`` it at the end.

    Args:
        chain: where it is written.
        wall_clock: Unix time, seconds.
    """

    def __init__(self, chain: Chain, wall_clock: Callable[[], float] = time.time) -> None:
        self._chain = chain
        self._wall_clock = wall_clock
        self._pace = Pace()
        self._waiting: list[Note] = []
        self._lost = NOTHING_LOST  # not in the head yet
        self._head = Head(0, START)
        self._failing = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Begin to write; what was taken down before waits until then."""
        self._thread.start()

    def __call__(self, event: str, who: str, /, **fields: AuditValue) -> None:
        """See ``base.audit_events.Audit``."""
        note = Note(event, who, self._wall_clock(), fields)
        with self._changed:
            self._waiting += self._pace.take(note)
            self._shorten()
            self._changed.notify()

    @property
    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failing

    @property
    def state(self) -> AuditState:
        """How the record stands, as it was seen last: nobody waits for the disk here either."""
        head = self._head
        return AuditState.of(Head(head.seq, head.hash, head.lost + self._lost))

    def close(self) -> None:
        """Write what waits, and end, once it was started; blocks for ``AUDIT_CLOSE_S`` at most."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(AUDIT_CLOSE_S)

    def _shorten(self) -> None:
        over = self._waiting[MAX_AUDIT_WAITING:]
        if over:
            del self._waiting[MAX_AUDIT_WAITING:]
            self._lost += _loss(over)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._closing:
                    self._changed.wait(_TICK_S)
                closing = self._closing
                self._waiting += self._pace.due(self._wall_clock(), at_last=closing)
                notes, self._waiting = self._waiting, []
                lost, self._lost = self._lost, NOTHING_LOST
            self._write(notes, lost)
            self._head = self._chain.head()
            if closing:
                return

    def _write(self, notes: list[Note], lost: Loss) -> None:
        if not (notes or lost.count or self._failing):
            return
        try:
            self._chain.append(notes, lost)
        except Exception as exc:  # noqa: BLE001 - the record must never end what it records
            self._failed(exc, lost + _loss(notes))
        else:
            if self._failing:
                _log.warning("the audit record is written again")
            self._failing = False

    def _failed(self, exc: Exception, lost: Loss) -> None:
        if not self._failing:
            why = (exc.strerror or exc) if isinstance(exc, OSError) else exc
            _log.error("the audit record cannot be written, sessions go on: %s", why)
            if not isinstance(exc, (OSError, TwError)):
                _log.error("unexpected failure", exc_info=exc)
        self._failing = True
        if not lost.count:
            return
        try:
            self._chain.lose(lost)
        except (OSError, TwError):
            with self._changed:
                self._lost += lost


def _loss(notes: list[Note]) -> Loss:
    return Loss(len(notes), notes[0].at, notes[-1].at) if notes else NOTHING_LOST
