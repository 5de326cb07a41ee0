"""Event kinds of webhooks: the names of audit events, and patterns for a group of them."""

from collections.abc import Iterable

from identity_manager.audit import Event

TEST = "webhook.test"  # what *Send a test* sends; no audit event
EVERY = "*"
NAMES = tuple(sorted(event.value for event in Event))
GROUPS = tuple(sorted({name.partition(".")[0] for name in NAMES}))


def unknown(patterns: Iterable[str]) -> list[str]:
    """The patterns that match no event."""
    return [pattern for pattern in patterns if not _matching(pattern)]


def expand(patterns: Iterable[str]) -> set[str]:
    """The names of all events that the patterns match: `request.approved`, `request.*`, `*`."""
    return {name for pattern in patterns for name in _matching(pattern)}


def _matching(pattern: str) -> list[str]:
    if pattern == EVERY:
        return list(NAMES)
    if pattern.endswith(".*"):
        return [name for name in NAMES if name.startswith(pattern[:-1])]
    return [pattern] if pattern in NAMES else []
