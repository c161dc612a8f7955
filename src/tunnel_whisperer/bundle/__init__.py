"""The files that make a machine a client, or anything that it was elsewhere: pack, open, install them.

Control plane. May import base, profile and pki. A bundle from outside is hostile until it passed
``open_bundle``; it holds private keys, so its bytes go nowhere but into files of mode 0600.
"""

from .backup import install_backup, open_any, pack_backup
from .contents import (
    BundleContents,
    check_client_files,
    check_slot,
    client_config,
    open_bundle,
    pack_client,
)
from .encrypt import decrypt, encrypt, is_encrypted
from .install import install_bundle

__all__ = [
    "BundleContents",
    "check_client_files",
    "check_slot",
    "client_config",
    "decrypt",
    "encrypt",
    "install_backup",
    "install_bundle",
    "is_encrypted",
    "open_any",
    "open_bundle",
    "pack_backup",
    "pack_client",
]
