"""The looks in force, for pages, mails and printed documents; cached in each process for a minute."""

from django.core.cache import caches

from identity_manager.models import Looks

CACHE, KEY = "looks", "in-force"  # a cache that each process has of its own
SECONDS = 60


def in_force() -> Looks:
    """The version in force, without the logo's bytes; else an unsaved one with the product's defaults."""
    found: Looks | None = caches[CACHE].get(KEY)
    if found is None:
        found = Looks.objects.active().without_logo().first() or Looks(number=0)
        caches[CACHE].set(KEY, found, SECONDS)
    return found


def forget() -> None:
    """Drop this process's cache; other processes follow within a minute."""
    caches[CACHE].delete(KEY)


def logo(sha256: str) -> bytes | None:
    """The logo with this digest, if it is or was in force."""
    found = Looks.objects.showing(sha256).values_list("logo", flat=True).first() if sha256 else None
    return bytes(found) if found is not None else None
