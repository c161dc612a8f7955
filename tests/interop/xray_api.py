"""``xray api``, which the wheel lacks: the management calls of a running Xray, by hand.

    xray_api.py adi|rmi|adu|rmu|lsi|inbounduser -s HOST:PORT ...   as ``xray api`` has them (wire spec 10)

The messages are encoded as the captured vectors have them (api_grpc.json), and only as much of them
as a VLESS inbound over XHTTP needs. gRPC is carried by curl: a frame in, a frame and a trailer out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

_HANDLER = "xray.app.proxyman.command.HandlerService"
_ACCOUNT = "xray.proxy.vless.Account"


# -- protobuf --------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _typed(kind: str, value: bytes) -> bytes:
    return _bytes(1, kind) + _bytes(2, value)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields; numbers are left out."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            varint()
        else:
            size = varint()
            yield key >> 3, data[at : at + size]
            at += size


# -- messages --------------------------------------------------------------------------------------


def user(client: dict[str, Any]) -> bytes:
    """xray.common.protocol.User."""
    account = _typed(_ACCOUNT, _bytes(1, client["id"]))
    return _bytes(2, client["email"]) + _bytes(3, account)


def add_inbound(inbound: dict[str, Any]) -> bytes:
    """AddInboundRequest."""
    port = int(inbound["port"])
    address = bytes(int(part) for part in inbound["listen"].split("."))
    xhttp = inbound["streamSettings"]["xhttpSettings"]
    config = _typed(
        "xray.transport.internet.splithttp.Config", _bytes(2, xhttp["path"]) + _bytes(3, xhttp["mode"])
    )
    stream = _bytes(2, _bytes(2, config) + _bytes(3, "splithttp")) + _bytes(5, "splithttp")
    receiver = (
        _bytes(1, _bytes(1, _number(1, port) + _number(2, port)))
        + _bytes(2, _bytes(1, address))
        + _bytes(3, stream)
    )
    clients = b"".join(_bytes(1, user(client)) for client in inbound["settings"]["clients"])
    handler = (
        _bytes(1, inbound["tag"])
        + _bytes(2, _typed("xray.app.proxyman.ReceiverConfig", receiver))
        + _bytes(3, _typed("xray.proxy.vless.inbound.Config", clients + _bytes(3, "none")))
    )
    return _bytes(1, handler)


def add_user(tag: str, client: dict[str, Any]) -> bytes:
    """AlterInboundRequest."""
    return _alter(tag, "AddUserOperation", _bytes(1, user(client)))


def remove_user(tag: str, email: str) -> bytes:
    """AlterInboundRequest."""
    return _alter(tag, "RemoveUserOperation", _bytes(1, email))


def _alter(tag: str, kind: str, value: bytes) -> bytes:
    return _bytes(1, tag) + _bytes(2, _typed(f"xray.app.proxyman.command.{kind}", value))


# -- gRPC ------------------------------------------------------------------------------------------


class _Failed(Exception):
    pass


def _call(server: str, method: str, message: bytes) -> bytes:
    frame = b"\0" + len(message).to_bytes(4, "big") + message
    with tempfile.TemporaryDirectory() as folder:
        heads = Path(folder) / "heads"
        done = subprocess.run(
            (
                "curl", "-sS", "--http2-prior-knowledge", "--max-time", "5", "-D", str(heads),
                "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-",
                f"http://{server}/{_HANDLER}/{method}",
            ),
            input=frame,
            capture_output=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise _Failed(f"failed to dial {server}: {done.stderr.decode(errors='replace')}")
        said = dict(line.split(": ", 1) for line in heads.read_text().splitlines() if ": " in line)
    if said.get("grpc-status") != "0":
        raise _Failed(said.get("grpc-message", "unknown"))
    return done.stdout[5:]


# -- commands --------------------------------------------------------------------------------------


def _inbounds(paths: list[str]) -> list[dict[str, Any]]:
    texts = [Path(path).read_text() for path in paths if path != "stdin:"]
    if not paths or "stdin:" in paths:
        texts.append(sys.stdin.read())
    return [inbound for text in texts for inbound in json.loads(text)["inbounds"]]


def _adi(server: str, words: list[str]) -> None:
    for inbound in _inbounds(words):
        print("adding:", inbound["tag"])
        _call(server, "AddInbound", add_inbound(inbound))
        print("{}")


def _rmi(server: str, words: list[str]) -> None:
    for tag in words:
        print("removing:", tag)
        _call(server, "RemoveInbound", _bytes(1, tag))
        print("{}")


def _adu(server: str, words: list[str]) -> None:
    """Ends with status 0 whatever happens, as the real one does."""
    count = 0
    for inbound in _inbounds(words):
        for client in inbound["settings"]["clients"]:
            print("add user:", client["email"])
            try:
                _call(server, "AlterInbound", add_user(inbound["tag"], client))
                print("result: ok")
                count += 1
            except _Failed as exc:
                print(f"result: {exc}")
    print(f"Added {count} user(s) in total.")


def _rmu(server: str, words: list[str]) -> None:
    tag, *emails = words
    count = 0
    for email in emails:
        print("remove user:", email)
        try:
            _call(server, "AlterInbound", remove_user(tag.removeprefix("-tag="), email))
            count += 1
        except _Failed as exc:
            print(f"result: {exc}")
    print(f"Removed {count} user(s) in total.")


def _lsi(server: str, words: list[str]) -> None:
    answer = _call(server, "ListInbounds", _number(1, 1) if words else b"")
    tags = [dict(_fields(inbound))[1].decode() for _, inbound in _fields(answer)]
    print(json.dumps({"inbounds": [{"tag": tag} for tag in tags]}, indent=4))


def _inbounduser(server: str, words: list[str]) -> None:
    answer = _call(server, "GetInboundUsers", _bytes(1, words[0].removeprefix("-tag=")))
    users = []
    for _, data in _fields(answer):
        found = dict(_fields(data))
        account = dict(_fields(found[3]))
        users.append(
            {
                "email": found[2].decode(),
                "account": {
                    "_TypedMessage_": account[1].decode(),
                    "id": dict(_fields(account[2]))[1].decode(),
                },
            }
        )
    print(json.dumps({"users": users}, indent=4))


_COMMANDS = {
    "adi": _adi,
    "rmi": _rmi,
    "adu": _adu,
    "rmu": _rmu,
    "lsi": _lsi,
    "inbounduser": _inbounduser,
}


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit status."""
    name, *rest = arguments
    server, words = "127.0.0.1:8080", []
    for word in rest:
        if word.startswith(("-s=", "-server=", "--server=")):
            server = word.partition("=")[2]
        elif not word.startswith("-t="):
            words.append(word)
    try:
        _COMMANDS[name](server, words)
    except _Failed as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
