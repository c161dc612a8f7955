"""Three namespaces, and between them links with a rate, a queue and a delay (Linux, root, gcc)."""

from .net import Wan, missing

__all__ = ["Wan", "missing"]
