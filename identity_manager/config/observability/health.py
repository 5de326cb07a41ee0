"""Health probes: liveness and readiness of a web process.

Answered by the first middleware: an orchestrator's probes use the container's address, which is not in
ALLOWED_HOSTS, without https, and must not wait for a session.
"""

import logging
from collections.abc import Callable
from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from identity_manager import installation
from identity_manager.config.observability.metrics_page import metrics

logger = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """Liveness: 200 while the process answers. It ignores the database: a restart would not help."""
    return _plain("alive", 200)


@login_not_required
@never_cache
@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Readiness: 200 if the database is writable (PostgreSQL) and migrated; else 503, reason in the log.

    The broker does not matter: pages work without it, and the sweep publishes later.
    """
    reason = obstacle()
    if reason:
        logger.warning("Not ready: %s.", reason)
    return _plain("not ready" if reason else "ready", 503 if reason else 200)


class HealthMiddleware:
    """First middleware: answers probes before all others.

    A request with a nonce (of the doctor) is answered with a proof of which installation this is.
    """

    PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": metrics,
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.PROBES.get(request.path_info, self.get_response)(request)
        if found := installation.proof(request.headers.get(installation.NONCE_HEADER, "")):
            response[installation.PROOF_HEADER] = found
        return response


def obstacle() -> str:
    """Readiness: why no page can be served at present, for the log; empty if pages can be served."""
    try:
        if _migrations() - set(MigrationRecorder(connection).applied_migrations()):
            return "migrations are missing"
        if _only_reads():
            return "the database takes no writes"
    except Error:
        return "the database does not answer"
    return ""


def _only_reads() -> bool:
    """Whether PostgreSQL is a standby, as after a failover: it answers queries, and refuses writes."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone()[0] == "on")


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """Migrations of this version; cached, because probes come every few seconds."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
