"""``python -m tunnel_whisperer`` is ``tw``, and where ``tw`` begins.

Ctrl-C while the program is still being loaded ends it without a word: there is nobody yet who
could say "interrupted", and Python's own answer is a traceback.
"""

import signal
import sys

_at_start = signal.getsignal(signal.SIGINT)  # a shell's background jobs ignore Ctrl-C: so do we then
if _at_start is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from .cli.main import main  # noqa: E402


def run() -> int:
    """Run ``tw``; returns its exit status."""
    signal.signal(signal.SIGINT, _at_start)
    try:
        return main()
    finally:
        if _at_start is signal.default_int_handler:  # nor while it is taken down
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(run())
