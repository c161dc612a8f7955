"""The standard relay: what runs on a VM, and the VM itself.

Control plane. May import base, profile, pki, tenancy and audit; knows no connections. ``drivers``
makes and removes machines at Hetzner, DigitalOcean and AWS; ``state`` remembers on this machine
which one is being made. What a provider says about its own resources is the truth, found by tag.
"""
