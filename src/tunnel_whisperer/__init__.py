"""Tunnel Whisperer: port-to-port bridges between private networks, inside ordinary HTTPS."""
