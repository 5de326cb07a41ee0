"""Verbs on terms that are accepted again, outside a request: notices, reminders, acceptance, holds."""
