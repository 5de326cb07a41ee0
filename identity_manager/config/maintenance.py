"""Maintenance mode, and the page 503 while database or key service are away.

The setting MAINTENANCE closes both portals. Health probes and /pki/ stay available: relying parties may
reject valid certificates without a revocation list.
"""

import sys
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from identity_manager.config.observability import health
from identity_manager.ui.http import error_pages
from identity_manager.vault.key_encryption import KeyServiceDown

PLANNED_WAIT = 300  # Retry-After in seconds
UNPLANNED_WAIT = 60
PUBLISHED = "/pki/"


class MaintenanceMiddleware:
    """Answers 503 to every page while MAINTENANCE is set, without session and database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.MAINTENANCE and not request.path_info.startswith(PUBLISHED):
            return error_pages.unavailable(request, PLANNED_WAIT)
        return self.get_response(request)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: 503 if the database or key service is away, or migrations are pending; else 500."""
    if isinstance(sys.exc_info()[1], KeyServiceDown):
        return error_pages.unavailable(request, UNPLANNED_WAIT, keys_away=True)
    if health.obstacle():
        return error_pages.unavailable(request, UNPLANNED_WAIT)
    return error_pages.server_error(request)
