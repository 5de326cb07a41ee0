"""Not now: what people see while the installation is worked on, or while its database does not answer.

The setting MAINTENANCE closes both portals on purpose. The probes stay open, and so does what relying parties
fetch under /pki/: a revocation list that cannot be read may make valid certificates fail.
"""

import sys
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from identity_manager.config.observability import health
from identity_manager.ui import error_pages
from identity_manager.vault.key_encryption import KeyServiceDown

PLANNED_WAIT = 300  # seconds until it is worth another try
UNPLANNED_WAIT = 60
PUBLISHED = "/pki/"


class MaintenanceMiddleware:
    """Answers for every page while MAINTENANCE is set; no session and no database is needed for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.MAINTENANCE and not request.path_info.startswith(PUBLISHED):
            return error_pages.unavailable(request, PLANNED_WAIT)
        return self.get_response(request)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where the database or the key service is away, or an upgrade is under way; else 500, our fault."""
    if isinstance(sys.exc_info()[1], KeyServiceDown):
        return error_pages.unavailable(request, UNPLANNED_WAIT, keys_away=True)
    if health.obstacle():
        return error_pages.unavailable(request, UNPLANNED_WAIT)
    return error_pages.server_error(request)
