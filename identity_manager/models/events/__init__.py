"""What other systems are told of the audit log, and how far."""
