"""Exactly once, whenever a process dies: each walk is killed at each of its boundaries, and goes on.

Start at test_every_kill_point.py. A walk (walks.py) is done in a process of its own, on a copy of the
database (copies.py). Before and after each commit, each call of a CA, each mail and each message to the
broker that process passes a boundary (boundaries.py); the n-th run is stopped at its n-th boundary by
SIGKILL, which no handler sees. A new process then does what an installation does after a restart, until
nothing is left to do, and what stands at the end (findings.py) is compared with a walk that nobody disturbed.
"""
