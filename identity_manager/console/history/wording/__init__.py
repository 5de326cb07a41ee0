"""Wording of each audit event, by what it is about."""
