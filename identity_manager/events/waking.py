"""Wakes SIEM sinks and webhooks: after each sealing, and each minute for lost messages."""

from identity_manager.events import delivering, forwarding


def wake() -> int:
    """Make SIEM sinks and webhooks due that are behind; return how many."""
    return forwarding.wake() + delivering.wake()
