"""``tw`` in whose log there is much: ``talker.py LINES_PER_SECOND WORDS...`` is ``tw WORDS...``."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time

from tunnel_whisperer.cli.main import main

_TURN_S = 0.02
_log = logging.getLogger("tw.bench")


def talk(per_second: int) -> None:
    """To the end of the process."""
    turn = time.monotonic()
    for number in itertools.count():
        if number % max(1, int(per_second * _TURN_S)) == 0:
            turn += _TURN_S
            time.sleep(max(0.0, turn - time.monotonic()))
        _log.info("user-%03d opened 127.0.0.1:5432, connection %d", number % 500, number)


if __name__ == "__main__":
    threading.Thread(target=talk, args=(int(sys.argv[1]),), daemon=True).start()
    sys.exit(main(sys.argv[2:]))
