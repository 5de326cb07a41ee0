"""Verbs on the key archive: recovery certificates, what is archived, and what takes it out."""
