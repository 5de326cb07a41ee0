"""Audit of refused pages (HTTP 403) of officers, as a possible attempt at abuse."""

from django.db import transaction
from django.utils.encoding import escape_uri_path

from identity_manager import audit
from identity_manager.models import OFFICER_ROLES, Person

LONGEST_PATH = 300


def record(*, actor: Person | None, path: str) -> None:
    """Record that the officer may not open this URL; persons without a role are not recorded.

    path: without the query string, in which officers search for names; percent-encoded, because
    PostgreSQL stores no NUL.
    """
    if actor is None or not actor.roles.filter(role__in=OFFICER_ROLES).exists():
        return
    written = escape_uri_path(path)[:LONGEST_PATH]
    with transaction.atomic():
        audit.record(audit.Event.ACCESS_DENIED, actor=actor, subject=None, path=written)
