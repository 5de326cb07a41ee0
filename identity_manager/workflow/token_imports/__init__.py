"""Verbs on imports of tokens that another system has given (SPEC.md 5).

looking_through: the dry run, row by row.  matching: whose certificate it is, and of which token type.
decisions: an officer asks, a second one confirms.  carrying_out: person by person, resumable.
Keys are opened by manage.py import_tokens alone, where the workers run.
"""
