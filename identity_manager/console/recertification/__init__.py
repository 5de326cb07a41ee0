"""Recertification of officers' roles: the campaigns, the report, and what a User Administrator answers."""
