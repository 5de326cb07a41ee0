"""Reads DIRECTORY_SOURCES; each secret comes from a variable or a file of its own."""

from typing import Any

from identity_manager.config import env
from identity_manager.directory import configuration
from identity_manager.directory.configuration import SourceConfiguration


def sources(given: dict[str, Any]) -> dict[str, SourceConfiguration]:
    """Return the sources by id. Raises ImproperlyConfigured, without any secret."""
    return {
        name: configuration.parse(name, entry, secret=env.text(secret_setting(name), ""))
        for name, entry in given.items()
    }


def secret_setting(source_id: str) -> str:
    """The setting with the password of the bind; with _FILE, the file that holds it."""
    return f"DIRECTORY_SECRET_{source_id.upper().replace('-', '_')}"
