"""SSH between client and server, and between server and relay, on asyncssh.

Stands above any stream transport (:mod:`..net`) and below tunnel, server and relay. May import
base and net. asyncssh does the key exchange, the login and the control packets; the channels and
the data packets of the common cipher are ours (channel.py, packets.py), because they are the hot
path and because a reset must stay a reset. The only package that imports asyncssh.
"""
