"""Every error code with its meaning: the source of docs/reference/errors.md.

A code is never renamed or reused. Keep the table sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ERROR_CODES"]

ERROR_CODES: Mapping[str, str] = MappingProxyType(
    {
        "already-running": "Another process serves this identity.",
        "answer-not-written": "Standard output takes nothing any more; what was asked for is done.",
        "audit-broken": "The audit record was changed, or a part of it is missing.",
        "bad-access-record": "A line of authorized_keys cannot be read; it lets nobody in.",
        "bad-answer": "The relay's machine answered something else than it was asked.",
        "bad-apps": "apps.yaml has a wrong entry; the line is named.",
        "bad-argument": "A flag or argument has a value that cannot be used.",
        "bad-bundle": "The bundle is not one of ours, is damaged, or is newer than this program.",
        "bad-certificate": "A certificate or its key cannot be read or used.",
        "bad-config": "config.yaml has an unknown or wrong field; the line is named.",
        "bad-http": "The peer broke HTTP.",
        "bad-join-file": "A join request or response cannot be read or does not fit.",
        "bad-key": "An SSH key file cannot be read or used.",
        "bad-record": "The record of a user or tenant on disk is damaged, or newer than this program.",
        "bad-token": "An invitation cannot be read: a part is missing, or it is of another kind.",
        "bad-vless": "The peer broke the VLESS header.",
        "bad-xhttp": "The peer broke the XHTTP rules.",
        "certificate-refused": "The relay refused this machine's client certificate.",
        "cloud-busy": "The provider is still working on something that has to end first.",
        "cloud-no-capacity": "The provider has no machine of this size there at the moment.",
        "cloud-not-empty": "Something that was made at the provider is still there after it was removed.",
        "cloud-permission-missing": "The credentials are valid, but may not do something that is needed.",
        "cloud-quota": "The account's limit at the provider is reached.",
        "cloud-rate-limit": "The provider takes no more requests for a while.",
        "cloud-refused": "The provider refused a request, in the words that follow.",
        "cloud-sdk-missing": "The provider's library is not installed.",
        "cloud-token-refused": "The provider does not accept the credentials.",
        "cloud-unreachable": "The provider's API did not answer, or has a fault of its own.",
        "dns-failed": "A host name could not be resolved.",
        "exists": "Something of that name exists already.",
        "file-unreadable": "A file cannot be read.",
        "host-key-mismatch": "The SSH host key is not the pinned one: an impostor, or a new key.",
        "internal": "A fault in this program.",
        "interrupted": "The user stopped the program.",
        "invitation-over": "The invitation has expired, was used by somebody else, or was withdrawn.",
        "link-lost": "The connection to the relay was lost.",
        "no-such-name": "Nothing of that name exists.",
        "not-applied": "A change of the relay's machine failed at the step that is named, and was taken back.",
        "not-authorised": "This user has no grant for that target.",
        "not-set-up": "This directory has no identity yet, or a part of it is missing.",
        "port-in-use": "A port is taken by another program.",
        "protocol-fault": "The peer broke a protocol.",
        "proxy-refused": "The proxy refused to connect us.",
        "relay-differs": "The machine of a standard relay is not as its context has it.",
        "relay-refused": "The relay answered, but not with a tunnel.",
        "relay-tls-failed": "The TLS handshake with the relay failed.",
        "relay-unreachable": "The relay cannot be reached.",
        "server-not-there": "The relay answers, but the server is not connected to it.",
        "service-failed": "The system's manager of services refused, or failed.",
        "session-lost": "The session was lost.",
        "session-replaced": "A newer session of the same user took the place of this one; it is not tried again.",
        "state-not-written": "State could not be written to disk; the old state stands.",
        "stream-reset": "The peer reset the stream.",
        "target-refused": "The target refused the connection.",
        "target-unreachable": "The target did not answer.",
        "timeout": "Something did not happen in time.",
        "too-many": "A limit was reached.",
        "user-data-too-big": "What the machine gets to run at its first start is bigger than the provider takes.",
        "user-not-active": "The relay or the server does not let this user in (any more).",
        "wrong-passphrase": "The passphrase does not open the file, or the file was changed.",
        "wrong-role": "This context has another role.",
    }
)
