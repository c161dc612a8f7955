"""What a network lets through to a relay, whether or not this machine is known there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..base.errors import TwError
from ..net.link import RelayEndpoint
from .habits import check_silence, check_upload, check_version
from .names import check_name
from .report import Report, State, Step, Tell, Walk
from .tcp import check_proxy, check_tcp
from .tls import Shown, check_certificate, check_tls
from .way import Way, walk_modes

__all__ = ["Findings", "Network", "walk_network"]


_NO_PROXY = "tw proxy clear, or NO_PROXY where it is the environment's"


@dataclass(frozen=True, slots=True)
class Network:
    """What is to be looked at."""

    endpoint: RelayEndpoint
    """The relay as a stranger sees it; with the proxy and the CA that are known."""
    proxy_from: str = ""
    """Where the proxy was found, in words."""
    way: Way | None = None
    """This machine's own, if it has an identity of that relay."""
    silent_s: float = 15.0
    """How long a connection is left alone; 0: it is not tried."""


@dataclass(slots=True)
class Findings:
    """What there is to tell whoever runs the network; filled by the walk."""

    addresses: tuple[str, ...] = ()
    direct: bool = False
    proxied: bool | None = None
    """None: there is no proxy."""
    shown: Shown | None = None
    trusted: bool = False
    versions: list[str] = field(default_factory=list)
    """Of HTTP, that get through."""
    upload: bool | None = None
    """Whether it gets there as it is sent; None: not known."""
    silence: bool | None = None
    """Whether silent connections live; None: not known."""


async def walk_network(network: Network, tell: Tell) -> tuple[Report, Findings]:
    """Try everything that can be tried; ends early only where nothing is left to try."""
    walk, findings = Walk(tell), Findings()
    try:
        endpoint = await _connect(walk, network, findings)
        findings.shown = await walk.step("tls", check_tls(endpoint))
        findings.trusted = await _believe(walk, network, endpoint, findings.shown)
        await _habits(walk, network, endpoint, findings)
        if network.way is None:
            walk.skip("xhttp", "needs an identity of this relay; then tw test relay goes on from here")
        else:
            uplink = replace(
                network.way.uplink, relay=replace(network.way.uplink.relay, proxy=endpoint.proxy)
            )
            await walk_modes(walk, replace(network.way, uplink=uplink))
    except TwError as exc:
        return walk.report(exc), findings
    return walk.report(), findings


# -- the way out -----------------------------------------------------------------------------------


async def _connect(walk: Walk, network: Network, findings: Findings) -> RelayEndpoint:
    """All ways out that there are; the proxy goes before, if it works, as it does for the tunnel."""
    proxy = network.endpoint.proxy
    if proxy is None:
        walk.add(Step("proxy", State.OK, "none is set, neither here nor in the environment"))
        findings.addresses = await walk.step("dns", check_name(network.endpoint.address, "relay"))
        await walk.step("direct", check_tcp(network.endpoint.address, None))
        findings.direct = True
        return network.endpoint
    await _direct(walk, network, findings)
    try:
        await walk.step("proxy", check_proxy(proxy))
        await walk.step("through proxy", check_tcp(network.endpoint.address, proxy))
    except TwError:
        findings.proxied = False
        if not findings.direct:
            raise
        walk.add(Step("way out", State.NOTE, f"direct, for {proxy} does not work", hint=_NO_PROXY))
        return replace(network.endpoint, proxy=None)
    findings.proxied = True
    return network.endpoint


async def _direct(walk: Walk, network: Network, findings: Findings) -> None:
    """Without the proxy: nobody needs that, and it is worth knowing."""
    name = await walk.attempt("dns", check_name(network.endpoint.address, "relay"), "the proxy resolves it")
    if isinstance(name, TwError):
        return
    findings.addresses = name
    outcome: None | TwError = await walk.attempt(
        "direct", check_tcp(network.endpoint.address, None), "the proxy is the way out"
    )
    findings.direct = outcome is None


# -- what becomes of TLS and HTTP on it ------------------------------------------------------------


async def _believe(walk: Walk, network: Network, endpoint: RelayEndpoint, shown: Shown) -> bool:
    """Whether the certificate is the relay's. Without an identity nobody said which CA it has."""
    if endpoint.ca_pem or network.way is not None:
        await walk.step("certificate", check_certificate(endpoint, shown))
        return True
    hint = f"a relay with a CA of its own looks like that, and so does inspection: is {shown.peer.issuer} the relay's?"
    outcome: None | TwError = await walk.attempt("certificate", check_certificate(endpoint, shown), hint)
    return outcome is None


async def _habits(walk: Walk, network: Network, endpoint: RelayEndpoint, findings: Findings) -> None:
    errors = []
    for version, name in (("2", "http/2"), ("1.1", "http/1.1")):
        outcome = await walk.attempt(name, check_version(endpoint, version))
        if isinstance(outcome, TwError):
            errors.append(outcome)
        else:
            findings.versions.append(version)
    if not findings.versions:
        raise errors[-1]
    upload = await walk.attempt("upload", check_upload(endpoint))
    findings.upload = None if isinstance(upload, TwError) else upload
    if not network.silent_s:
        walk.skip("silence", "not tried")
        return
    silence = await walk.attempt("silence", check_silence(endpoint, network.silent_s))
    findings.silence = None if isinstance(silence, TwError) else silence
