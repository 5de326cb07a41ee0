"""Verbs on imports of tokens of another system (docs/how-to/import-tokens.md).

dry_run: the dry run, row by row.  matching: person and token type of a certificate.
decisions: an officer asks, a second one confirms.  execution: person by person, resumable.
Keys are opened by manage.py import_tokens alone, where the workers run.
"""
