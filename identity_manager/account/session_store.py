"""Sessions in the database, each of the portal where it began: with a session of one, the other knows nobody.

Where one process serves both portals, a session is good for both.
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
    """Django's, with a mark. The name stays SessionStore: it is part of what signs the content."""

    def load(self) -> dict[str, Any]:
        """The content; nothing, and no key, for a session of the other portal, which stays as it is."""
        content = super().load()
        if content and content.get(PORTAL) != settings.SESSION_PORTAL:
            self._session_key = None
            return {}
        return content

    def _get_session_from_db(self) -> Session | None:
        """The row, if it has not expired; without one the key is nobody's."""
        found = _ALIVE.first(key=self.session_key, now=timezone.now()) if self.session_key else None
        if found is None:
            self._session_key = None
        return found

    def encode(self, session_dict: dict[str, Any]) -> str:
        return super().encode({**session_dict, PORTAL: settings.SESSION_PORTAL})
