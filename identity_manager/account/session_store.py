"""Database sessions bound to a portal: the session of one portal is not valid at the other.

In a process that serves both portals a session is valid for both.
"""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement

PORTAL = "_portal"
# Every page asks for it.
_ALIVE = Statement[Session](
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now),
    key=models.CharField(),
    now=models.DateTimeField(),
)


class SessionStore(db.SessionStore):
    """Django's store, with the portal in the content. The class name is part of the signing salt."""

    def load(self) -> dict[str, Any]:
        """Load the content; empty, without a key, for a session of the other portal, which is left alone."""
        content = super().load()
        if content and content.get(PORTAL) != settings.SESSION_PORTAL:
            self._session_key = None
            return {}
        return content

    def _get_session_from_db(self) -> Session | None:
        """Return the row if it has not expired; else drop the key."""
        found = _ALIVE.first(key=self.session_key, now=timezone.now()) if self.session_key else None
        if found is None:
            self._session_key = None
        return found

    def encode(self, session_dict: dict[str, Any]) -> str:
        return super().encode({**session_dict, PORTAL: settings.SESSION_PORTAL})
