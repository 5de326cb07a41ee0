"""Reads where certificates go; each secret comes from a variable or a file of its own."""

from typing import Any

from identity_manager.config import env
from identity_manager.targets import configuration
from identity_manager.targets.configuration import TargetConfiguration


def targets(given: dict[str, Any]) -> dict[str, TargetConfiguration]:
    """Return the targets by id. Raises ImproperlyConfigured with what is wrong, never with a secret."""
    return {
        name: configuration.parse(name, entry, secret=env.text(secret_setting(name), ""))
        for name, entry in given.items()
    }


def secret_setting(target_id: str) -> str:
    """The setting with the password of the account; with _FILE, the file that holds it."""
    return f"TARGET_SECRET_{target_id.upper().replace('-', '_')}"
