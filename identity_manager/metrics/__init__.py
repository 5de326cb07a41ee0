"""Prometheus metrics, the same from every process.

figures.py: gauges read from the database. scrape.py: rows that several of them tell of. aggregation.py:
counters of all processes, summed up in the database (telemetry/instruments.py, ca_bridge/telemetry.py).
clocks.py: clock differences. scraping.py: the exposition.
"""
