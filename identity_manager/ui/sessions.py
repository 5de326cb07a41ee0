"""Sessions in the database, each of the portal where it began: with a session of one, the other knows nobody.

Where one process serves both portals, a session is good for both.
"""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db

PORTAL = "_portal"


class SessionStore(db.SessionStore):
    """Django's, with a mark. The name stays SessionStore: it is part of what signs the content."""

    def load(self) -> dict[str, Any]:
        """The content; nothing, and no key, for a session of the other portal, which stays as it is."""
        content = super().load()
        if content and content.get(PORTAL) != settings.SESSION_PORTAL:
            self._session_key = None
            return {}
        return content

    def encode(self, session_dict: dict[str, Any]) -> str:
        return super().encode({**session_dict, PORTAL: settings.SESSION_PORTAL})
