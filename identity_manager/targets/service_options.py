"""Options that targets of an HTTPS service share: texts with their defaults, addresses, the longest call.

Each function raises ImproperlyConfigured, with the target and the option named.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.targets import https

LONGEST_CALL = 120  # seconds


def texts(
    where: str,
    given: Mapping[str, Any],
    *,
    defaults: Mapping[str, str],
    needed: Collection[str],
    addresses: Collection[str],
) -> dict[str, str]:
    """Return the options that are text, with the defaults. addresses: names of those that are https."""
    if unknown := sorted(set(given) - {*defaults, *needed, "timeout"}):
        raise ImproperlyConfigured(f"{where} does not know in options {', '.join(unknown)}.")
    said = {**defaults, **{name: value for name, value in given.items() if name != "timeout"}}
    if wrong := [name for name, value in said.items() if not isinstance(value, str)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(wrong)} as text.")
    if missing := [name for name in needed if not said.get(name)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(missing)}.")
    for name in addresses:
        if not https.is_safe(said[name]):
            raise ImproperlyConfigured(f"{where} needs in options {name} as an https address.")
    return said


def timeout(where: str, given: Mapping[str, Any]) -> int:
    """Return the seconds that a call may take; 30 where nothing is said."""
    seconds = given.get("timeout", 30)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= LONGEST_CALL:
        raise ImproperlyConfigured(
            f"{where} needs in options timeout as a whole number from 1 to {LONGEST_CALL}."
        )
    return seconds
