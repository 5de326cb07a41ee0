"""Middleware for pages that read the replica: lists, SEARCH, history, reports. No other page does.

They make no decisions: their buttons lead to pages or verbs that read the primary. Exports (POST) read the
primary, too.
"""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.core.exceptions import MiddlewareNotUsed
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from ca_bridge.database import read_replica

PAGES = frozenset(
    f"console:{name}"
    for name in (
        *("search", "requests", "history", "outbox", "renewals"),
        *("report", "terms-acceptances", "mail-domains", "migration"),
    )
)
WROTE_AT = "wrote_at"
# Longer than the maximum lag of the replica plus clock skew between hosts.
OWN_WRITES_SECONDS = read_replica.MAX_LAG + 10
QUERY_CANCELED = "57014"  # statement time-out: not retried, as the primary would take as long
_READING = frozenset({"GET", "HEAD"})


class ReplicaPagesMiddleware:
    """Lets PAGES read the replica; after a POST an officer reads the primary for a while (read your writes).

    If the replica fails during a page (connection lost, or query cancelled by recovery conflict), the page is
    rendered again from the primary.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not read_replica.is_configured():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in _READING and SESSION_KEY in request.session:
            request.session[WROTE_AT] = time.time()
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not _may_read(request) or read_replica.watch.trouble():
            return None
        try:
            with read_replica.reading():
                return view(request, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if getattr(error.__cause__, "sqlstate", "") == QUERY_CANCELED:
                raise
            read_replica.watch.failed(error)
            return None


def _may_read(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None or match.view_name not in PAGES or request.method not in _READING:
        return False
    wrote_at: float = request.session.get(WROTE_AT, 0)
    return time.time() - wrote_at > OWN_WRITES_SECONDS
