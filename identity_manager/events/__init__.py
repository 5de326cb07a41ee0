"""Audit events for other systems: a SIEM gets every sealed event, webhooks the chosen ones."""
