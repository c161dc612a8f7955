"""Pure protocol machines: bytes and events in, bytes and events out.

Stands between HTTP connections (:mod:`..net`) and byte streams. Imports ``base`` only, and of the
standard library nothing that does I/O, tells time or draws random numbers: those are arguments.
"""
