"""Caddy's certificates outlive the machine: saved before it is removed, put into the next one.

A CA issues a handful of certificates for one name in a week, and the relay has to be there the moment
it is made again. They are put there on the first visit, never by the user-data, which every process
of the machine can read. Until then Caddy shows a certificate that is made for that visit alone
(``Site.first_tls``), and asks no CA for anything.

What a machine sent is not believed: of the tar, the files of one name are taken and no others.
"""

from __future__ import annotations

import base64
import io
import tarfile
from datetime import datetime, timedelta
from shlex import quote

from ...base.errors import TwError
from ...pki import certificate_ends, certificate_hosts, check_key_pair
from .site import Layout

__all__ = ["restore_script", "usable_certificates"]

_MOST_MEMBERS = 1000
_MOST_BYTES = 64 * 1024
"""Of one file: a chain of three certificates has 6 KB."""
_LEFT = timedelta(days=1)
"""One that ends sooner is not worth the trouble: Caddy asks for a new one at once."""
_PEM_END = "-----END CERTIFICATE-----"
_ENDINGS = (".crt", ".key", ".json")

_RESTORE = """\
set -eu
umask 077
folder={folder}
owner=$folder
while [ ! -e "$owner" ]; do owner=$(dirname "$owner"); done
mkdir -p "$folder"
base64 -d <<'END' | tar -x -C "$folder" --skip-old-files --no-same-owner -f -
{tar}
END
chown -R --reference="$owner" "$folder"
"""


def usable_certificates(saved: bytes, domain: str, now: datetime) -> bytes:
    """A tar of the certificates of ``domain`` that are good for a while; empty where there are none.

    Args:
        saved: as ``errands.parse_saved`` has it.
    """
    sets = _sets_of(saved, domain)
    good = [files for files in sets.values() if _is_good(files, domain, now)]
    if not good:
        return b""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(entry for files in good for entry in files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def restore_script(layout: Layout, usable: bytes) -> str:
    """Puts them there, as Caddy's own; what is there already stays."""
    return _RESTORE.format(folder=quote(layout.caddy_data), tar=base64.encodebytes(usable).decode().rstrip())


def _sets_of(saved: bytes, domain: str) -> dict[str, dict[str, bytes]]:
    """``certificates/<issuer>/<domain>/<domain>.crt``, ``.key`` and ``.json``, by issuer."""
    sets: dict[str, dict[str, bytes]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(saved), mode="r:") as archive:
            for _, member in zip(range(_MOST_MEMBERS), archive, strict=False):
                parts = member.name.split("/")
                wanted = [f"{domain}{ending}" for ending in _ENDINGS]
                fits = len(parts) == 4 and (parts[0], parts[2]) == ("certificates", domain)
                if not fits or parts[3] not in wanted or parts[1] in ("", ".", ".."):
                    continue
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None and member.size <= _MOST_BYTES:
                    sets.setdefault(parts[1], {})[member.name] = file.read()
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return {}
    return sets


def _is_good(files: dict[str, bytes], domain: str, now: datetime) -> bool:
    texts = {name.rpartition(".")[2]: data.decode("ascii", "replace") for name, data in files.items()}
    if set(texts) != {ending[1:] for ending in _ENDINGS}:
        return False
    # Its own comes first, those of the CA behind it (RFC 8555 section 9.1).
    own = f"{texts['crt'].partition(_PEM_END)[0]}{_PEM_END}\n"
    try:
        check_key_pair(own, texts["key"])
        return domain in certificate_hosts(own) and certificate_ends(own) > now + _LEFT
    except TwError:
        return False
