"""Random input against the protocol machines: ``python -m fuzz.run``.

Each target module has one function, ``case(chance)``, which plays one random case; any exception
that leaves it is a finding. A case is a function of its seed, so a finding can be played again.
"""
