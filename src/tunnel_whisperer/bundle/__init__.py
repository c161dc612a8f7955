"""The file that makes a machine a client: pack it, open what somebody sent, install it.

Control plane. May import base, profile and pki. A bundle from outside is hostile until it passed
``open_bundle``; it holds private keys, so its bytes go nowhere but into files of mode 0600.
"""

from .contents import BundleContents, open_bundle, pack_client
from .encrypt import decrypt, encrypt, is_encrypted
from .install import install_bundle

__all__ = [
    "BundleContents",
    "decrypt",
    "encrypt",
    "install_bundle",
    "is_encrypted",
    "open_bundle",
    "pack_client",
]
