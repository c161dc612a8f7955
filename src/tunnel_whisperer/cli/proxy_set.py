"""``tw proxy set``."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from ..base.errors import Misuse
from ..base.proxy import Proxy
from ..base.values import Secret
from ..daemon.uplinks import proxy_choice
from ..operations.proxy_settings import proxy_words, set_proxy
from .ask import ask, ask_secret
from .place import configured
from .settings import tell_running

EXAMPLE = "tw proxy set http://proxy.example.org:3128"

_IN_URL = "the password in the URL: http://user:password@host:port"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="http://, https:// or socks5://[user:password@]host[:port]; asked for if it is left out",
    )
    parser.add_argument(
        "--ask-password", action="store_true", help="ask for the password, which then is in no shell history"
    )


def run(args: argparse.Namespace) -> int:
    """Use this proxy on the way to the relay, whatever the environment says."""
    proxy = Proxy.parse(args.url) if args.url else ask("Proxy", flag="its URL", check=Proxy.parse)
    if args.ask_password and not proxy.user:
        raise Misuse("bad-argument", "there is no user name for a password", hint="http://user@host:port")
    if args.ask_password or (not args.url and proxy.user and not proxy.password.reveal()):
        proxy = replace(proxy, password=Secret(ask_secret("Password of the proxy's user", flag=_IN_URL)))
        proxy = Proxy.parse(proxy.to_url())  # a password that the proxy's protocol cannot carry
    profile, _ = configured(args)
    done = set_proxy(profile, proxy)
    tell_running(done)
    print(proxy_words(proxy_choice(done.after, os.environ), done.after))
    return 0
