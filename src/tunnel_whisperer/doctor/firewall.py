"""The paragraph to send to whoever runs the network: what is needed, why, and what is in the way now."""

from __future__ import annotations

from .network import Findings, Network

__all__ = ["firewall_letter"]


_WHAT = """\
It is HTTPS: TLS 1.3 with HTTP/2 or HTTP/1.1. Nothing comes in: no inbound rule, no other port, no UDP. \
The connection carries an encrypted tunnel (Tunnel Whisperer) to single, named ports of another site; \
which ports, its server decides for each user."""

_INSPECTION = """\
Please exempt {host} from TLS inspection: both ends know each other by their certificates, so a connection \
that is opened on the way is refused."""

_LASTING = """\
Please pass requests and answers on as they come, without buffering, and let a connection stay for hours; it \
is never silent for more than 15 seconds, so any idle timeout from 60 seconds on will do."""


def firewall_letter(network: Network, findings: Findings) -> str:
    """One paragraph, to be pasted into a ticket.

    It names nothing of this machine: who sends it knows which one it is.
    """
    host = network.endpoint.address.host
    sentences = [_needed(network, findings), _WHAT, _INSPECTION.format(host=host), _LASTING]
    if seen := _seen(network, findings):
        sentences.append(f"Seen today: {'; '.join(seen)}.")
    return " ".join(sentences)


def _needed(network: Network, findings: Findings) -> str:
    address, proxy = network.endpoint.address, network.endpoint.proxy
    where = f"{address.host}, TCP port {address.port}"
    if findings.addresses and findings.addresses != (address.host,):
        where += f" (today {', '.join(findings.addresses)}; the name counts)"
    if proxy is None:
        return f"Please allow this machine to connect to {where}."
    return (
        f"Please allow this machine to reach {where} through the proxy {proxy.address} (CONNECT {address})."
    )


def _seen(network: Network, findings: Findings) -> list[str]:
    """Only what stands in the way."""
    found = []
    if network.endpoint.proxy is None and not findings.direct:
        found.append("no connection to it can be made from here")
    if findings.proxied is False:
        found.append("the proxy does not connect us")
    shown = findings.shown
    if shown is not None and shown.version != "TLSv1.3":
        found.append(f"{shown.version} is spoken instead of 1.3")
    if shown is not None and (shown.peer.inspector or (not findings.trusted and network.endpoint.ca_pem)):
        found.append(f"the certificate that arrives here was issued by {shown.peer.issuer}")
    if findings.versions and "2" not in findings.versions:
        found.append("HTTP/2 does not get through, which is slower")
    if findings.upload is False:
        found.append("uploads are held back until they are complete")
    if findings.silence is False:
        found.append(f"a connection that is silent for {network.silent_s:g} seconds is cut")
    return found
