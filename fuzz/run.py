"""Play random cases against every target for some time, and stop at the first finding.

python -m fuzz.run --seconds 60
python -m fuzz.run --only xhttp_server --case 1234    # one case again
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from itertools import count

from . import vless_request, vless_response, xhttp_client, xhttp_server

__all__ = ["TARGETS", "main"]

TARGETS: dict[str, Callable[[random.Random], None]] = {
    "vless_request": vless_request.case,
    "vless_response": vless_response.case,
    "xhttp_server": xhttp_server.case,
    "xhttp_client": xhttp_client.case,
}


def _play(name: str, number: int, seed: int) -> bool:
    """One case; False, and a report, if it is a finding."""
    try:
        TARGETS[name](random.Random(f"{name} {seed} {number}"))
    except Exception:  # noqa: BLE001 - whatever comes out is what we look for
        traceback.print_exc()
        print(f"\nfinding: python -m fuzz.run --only {name} --seed {seed} --case {number}", file=sys.stderr)
        return False
    return True


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0, or 1 with a finding."""
    parser = argparse.ArgumentParser(prog="fuzz.run", description="random cases against the machines")
    parser.add_argument("--seconds", type=float, default=20.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1, help="another one plays other cases")
    parser.add_argument("--only", choices=TARGETS, help="one target")
    parser.add_argument("--case", type=int, help="play this case only")
    options = parser.parse_args(argv)
    names = [options.only] if options.only else list(TARGETS)
    if options.case is not None:
        return 0 if all(_play(name, options.case, options.seed) for name in names) else 1
    for name in names:
        until = time.monotonic() + options.seconds / len(names)
        for number in count():
            if time.monotonic() >= until:
                print(f"{name}: {number} cases, no finding")
                break
            if not _play(name, number, options.seed):
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
