"""Outgoing audit events: SIEM sinks and webhooks, with their cursors and deliveries."""
