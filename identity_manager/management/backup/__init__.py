"""Backup and restore: a directory with a consistent copy of the database and the embedded CAs, never a key.

manifest.py describes the content; sqlite.py and postgresql.py copy tables; creation.py and restoring.py
implement the commands.
"""
