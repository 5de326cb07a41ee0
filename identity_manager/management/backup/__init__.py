"""Backup and restore: a directory that holds the database at one moment and the embedded CAs, never a key.

manifest.py says what is in it; sqlite.py and postgresql.py copy the tables out and in; making.py and
restoring.py are what the two commands do.
"""
