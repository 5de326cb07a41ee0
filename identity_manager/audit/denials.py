"""That an officer was refused a page is told in the audit log: it may be a try."""

from django.db import transaction
from django.utils.encoding import escape_uri_path

from identity_manager import audit
from identity_manager.models import OFFICER_ROLES, Person

LONGEST_PATH = 300


def record(*, actor: Person | None, path: str) -> None:
    """Record that the officer may not open this address. Others are not told of: they hold no office.

    path without what follows the question mark: people search for names there. It is written as in an
    address, for a zero byte is nothing that PostgreSQL keeps.
    """
    if actor is None or not actor.roles.filter(role__in=OFFICER_ROLES).exists():
        return
    written = escape_uri_path(path)[:LONGEST_PATH]
    with transaction.atomic():
        audit.record(audit.Event.ACCESS_DENIED, actor=actor, subject=None, path=written)
