"""``tw demo``."""

from __future__ import annotations

import argparse
import asyncio

from ..base.values import HostPort
from ..daemon.demo import Demo
from ..daemon.process import run_until_stopped
from .place import start_logging

EXAMPLE = "tw demo --target 127.0.0.1:5432"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--target", metavar="HOST:PORT", help="put a service of yours behind the tunnel")
    parser.add_argument("--once", action="store_true", help="end after the check")


def run(args: argparse.Namespace) -> int:
    """Show it; 0 only if every byte came back right."""
    start_logging(args, None)
    target = HostPort.parse(args.target) if args.target else None
    step = 0

    def tell(text: str) -> None:
        nonlocal step
        step += 1
        print(f"{step}. {text}", flush=True)

    checked = False

    async def main() -> None:
        nonlocal checked
        async with Demo(tell, target) as demo:
            result = await demo.check()
            checked = True
            if result.is_http:
                tell(
                    f"check: a page and {result.bytes_down / 1e6:.1f} MB came back, "
                    f"{result.bytes_up / 1e6:.1f} MB went, all right to the last byte, "
                    f"in {result.seconds:.2f} s"
                )
            else:
                tell(f"check: {target} answers through the tunnel")
            if args.once:
                return
            scheme = "http://" if result.is_http else ""
            print(f"\nopen  {scheme}{demo.local}   (Ctrl-C ends it and leaves nothing behind)", flush=True)
            await asyncio.Event().wait()

    run_until_stopped(main)
    if not checked:
        raise KeyboardInterrupt  # as a signal a moment earlier does, before there is a loop
    return 0
