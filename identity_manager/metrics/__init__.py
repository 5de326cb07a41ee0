"""Figures for Prometheus: the same from whichever process they are asked.

figures.py reads what stands in the database. aggregation.py brings there what each process counts
(identity_manager/telemetry/instruments.py, ca_bridge/telemetry.py), and clocks.py how right its clock is.
scraping.py puts all together.
"""
