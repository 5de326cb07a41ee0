"""The reports, one to a module."""
