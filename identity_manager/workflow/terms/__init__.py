"""Verbs on terms that are accepted again, outside a request: who is asked, what happens to who is late."""
