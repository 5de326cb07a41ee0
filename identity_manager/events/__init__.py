"""What we tell other systems of the audit log: a SIEM gets every sealed event, webhooks the chosen ones."""
