"""Verbs on imports of tokens of another system (SPEC.md 5).

looking_through: the dry run, row by row.  matching: person and token type of a certificate.
decisions: an officer asks, a second one confirms.  carrying_out: person by person, resumable.
Keys are opened by manage.py import_tokens alone, where the workers run.
"""
