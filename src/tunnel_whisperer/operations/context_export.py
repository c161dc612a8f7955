"""A context, whole, as one file: a backup, or for another machine.

Apart from ``context_acts``, which would wait for the encryption to be loaded.
"""

from __future__ import annotations

from collections.abc import Callable

from ..audit import note
from ..base.values import Secret
from ..bundle import encrypt, pack_backup
from ..profile import Context, load_config

__all__ = ["backup_file_name", "export_context", "hand_out"]


def backup_file_name(context: Context) -> str:
    """How the file of a context is called unless somebody chose a name."""
    return f"{context.name}-tw-context.zip"


def export_context(context: Context, *, passphrase: Secret | None = None) -> bytes:
    """A context, whole, as one file: a backup, or for another machine. It holds private keys.

    Args:
        passphrase: the file is encrypted with it.

    Raises:
        Misuse: ``not-set-up`` when it is not whole, ``bad-config``, ``file-unreadable``, ``too-many``.
    """
    return hand_out(context, pack_backup(context.profile), passphrase)


def hand_out(
    context: Context,
    data: bytes,
    passphrase: Secret | None,
    keep: Callable[[bytes], object] | None = None,
) -> bytes:
    """Encrypt the backup of a context, if there is a passphrase, and take down that it is given away.

    Args:
        data: of ``pack_backup``.
        keep: is given the file before the audit record tells of it.
    """
    if passphrase is not None:
        data = encrypt(data, passphrase.reveal())
    if keep is not None:
        keep(data)
    if load_config(context.profile.config).mode != "client":  # a client keeps no record
        note(context.profile, "identity-exported", encrypted=passphrase is not None)
    return data
