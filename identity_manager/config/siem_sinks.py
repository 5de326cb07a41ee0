"""Reads SIEM_SINKS; files named there must be readable by this process."""

from typing import Any

from identity_manager.config import env
from identity_manager.events import siem_configuration
from identity_manager.events.siem_configuration import FILES, SinkConfiguration


def sinks(given: dict[str, Any]) -> dict[str, SinkConfiguration]:
    """Return the sinks by name. Raises ImproperlyConfigured."""
    found = {name: siem_configuration.parse(name, entry) for name, entry in given.items()}
    for sink in found.values():
        for path in filter(None, (getattr(sink, key) for key in FILES)):
            env.readable("SIEM_SINKS", path)
    return found
