"""/metrics for Prometheus, authenticated by METRICS_TOKEN; 404 if that is empty.

The embedded mode, which listens on loopback only, needs no token.
"""

import logging
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Metrics of the whole installation; every web process returns the same."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    # Here, because the middleware that leads here is loaded before the models.
    from identity_manager.metrics import scraping

    try:
        content_type, text = scraping.exposition(request.headers.get("accept", ""))
    except DatabaseError as error:
        logger.warning("No metrics: %s.", type(error).__name__)
        return _plain("the database does not answer", 503)
    return HttpResponse(text, content_type=content_type)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    token: str = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("authorization", "")
        if compare_digest(given.encode(), f"Bearer {token}".encode()):
            return None
        response = _plain("a token is needed", 401)
        response["WWW-Authenticate"] = "Bearer"
        return response
    if not settings.EMBEDDED:
        return _plain("not found", 404)
    request.get_host()  # refuses a name that is not this machine's own
    return None


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
