"""Chaos: a real installation loses its processes, its database, its broker, its CA and its mail server.

`make chaos` runs it; docs/explanation/chaos.md says what it proves. Read in this order: place (where it
lives), settings, processes and databases (what is killed), faults and driver (when), connectors and
post_office (what answers badly), travellers, wishes and officers (who goes the road meanwhile), gathering,
sinks and verdict (what must be true at the end), run (all of it, on one engine).
"""
