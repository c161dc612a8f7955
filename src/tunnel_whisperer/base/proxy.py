"""The proxy of this network: its URL, and where it is found.

    http://user:password@host:port      CONNECT, port 80 unless told
    https://user:password@host:port     CONNECT inside TLS to the proxy, port 443
    socks5://user:password@host:port    SOCKS5, port 1080; socks5h is the same

Credentials are optional and percent-encoded. A URL without a scheme is an HTTP proxy, as curl
takes it. This is the one reading of it: of config.yaml, of the environment, and of what is dialled.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from .errors import Misuse
from .values import HostPort, Secret

__all__ = ["Proxy"]

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080}
_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_EXEMPTIONS = ("NO_PROXY", "no_proxy")
_EXAMPLE = "write http://user:password@host:port, https://.. or socks5://.."
_NO_PASSWORD = Secret("")
_MAX_CREDENTIAL_BYTES = 255
"""RFC 1929 section 2: lengths are one byte."""


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """A proxy and who we are to it. Its text has no credentials."""

    scheme: str
    """``http``, ``https`` or ``socks5``."""
    address: HostPort
    """Where it listens."""
    user: str = ""
    """Empty: none is sent."""
    password: Secret = _NO_PASSWORD
    """Of the user."""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read a proxy URL; messages repeat nothing of it, as it may hold a password.

        Raises:
            Misuse: ``bad-argument``.
        """
        scheme, separator, rest = url.strip().partition("://")
        if not separator:
            scheme, rest = "http", scheme
        scheme = scheme.lower()
        if scheme == "socks5h":
            scheme = "socks5"
        if scheme not in _DEFAULT_PORTS:
            raise Misuse("bad-argument", "this kind of proxy is not supported", hint=_EXAMPLE)
        # A password may hold an @ that was not encoded: the last one ends it.
        userinfo, _, location = rest.rpartition("@")
        try:
            address = HostPort.parse(location.removesuffix("/"), _DEFAULT_PORTS[scheme])
        except Misuse:
            if re.search(r"[/?#]", location):
                why, hint = "a proxy URL ends after the port", "write / ? # in a password as %2F %3F %23"
            else:
                why, hint = "this is not a proxy URL", _EXAMPLE
            raise Misuse("bad-argument", why, hint=hint) from None
        user, password = (_decode(part) for part in userinfo.partition(":")[::2])
        _check_credentials(scheme, user, password)
        return cls(scheme, address, user, Secret(password))

    @classmethod
    def from_environment(cls, host: str, environ: Mapping[str, str]) -> Proxy | None:
        """The proxy that the environment names for HTTPS to ``host``, if any.

        ``HTTPS_PROXY`` goes before ``ALL_PROXY``. ``NO_PROXY`` lists, with commas, what is reached
        without: names with all names below them, addresses, networks (10.0.0.0/8), or ``*``; a
        port behind a name is ignored. This machine itself is never reached through a proxy.

        Raises:
            Misuse: ``bad-argument``, naming the variable.
        """
        variable = cls.variable_for(host, environ)
        if variable is None:
            return None
        try:
            return cls.parse(environ[variable])
        except Misuse as exc:
            raise Misuse(exc.code, exc.why, where=variable, hint=exc.hint) from None

    @staticmethod
    def variable_for(host: str, environ: Mapping[str, str]) -> str | None:
        """The name of the variable that ``from_environment`` reads for ``host``."""
        variable = next((name for name in _VARIABLES if environ.get(name, "").strip()), None)
        exempt = next((environ[name] for name in _EXEMPTIONS if environ.get(name)), "")
        return None if _is_here(host) or _is_exempt(host, exempt) else variable

    def to_url(self) -> str:
        """The URL in its canonical spelling, credentials included: for the one file that keeps it."""
        password = self.password.reveal()
        user = quote(self.user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return f"{self.scheme}://{user}{'@' if user else ''}{self.address}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    def __repr__(self) -> str:
        return f"<Proxy {self}>"


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise Misuse("bad-argument", "the proxy's user name or password is not UTF-8") from None


def _check_credentials(scheme: str, user: str, password: str) -> None:
    if not user and password:
        raise Misuse("bad-argument", "the proxy URL has a password but no user name", hint=_EXAMPLE)
    if scheme == "socks5":
        if max(len(user.encode()), len(password.encode())) > _MAX_CREDENTIAL_BYTES:
            raise Misuse("bad-argument", "a SOCKS5 user name or password has at most 255 bytes")
    elif ":" in user:  # RFC 7617 section 2: the first colon ends it
        raise Misuse("bad-argument", "an HTTP proxy's user name cannot hold a colon")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_exempt(host: str, exemptions: str) -> bool:
    """Whether NO_PROXY names ``host``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in re.split(r"[,\s]+", exemptions.strip()):
        if entry == "*":
            return True
        if address is not None:
            network = _network(entry)
            if network is not None and address in network:
                return True
        else:
            name = re.sub(r":\d+\Z", "", entry).lower().removeprefix("*").strip(".")
            if name and f".{host.lower().rstrip('.')}".endswith(f".{name}"):
                return True
    return False


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The addresses that an entry means; None for a name."""
    bracketed = re.match(r"\[(.*)\](?::\d+)?\Z", entry)
    if bracketed:
        entry = bracketed[1]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
