"""Verbs on the key archive: recovery certificates, archive intake, opening, re-addressing, export, drills."""
