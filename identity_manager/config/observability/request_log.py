"""Request id, duration metric, and one log line per request."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ca_bridge.telemetry import TRACE
from identity_manager.telemetry import correlation, instruments
from identity_manager.ui.http.proxies import client_network

logger = logging.getLogger(__name__)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ELSEWHERE = "none"  # view name of static files and unknown URLs


class WatchingMiddleware:
    """Behind ProxyHeadersMiddleware, so X-Request-ID is accepted from trusted proxies only.

    Logs the name of the view, not path and query, which may contain names of persons.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        number = correlation.accepted(request.headers.get(correlation.HEADER))
        started = time.perf_counter()
        labels, parent = {"request_id": number}, {"traceparent": request.headers.get("traceparent", "")}
        network = client_network(request)
        with correlation.bound(number, network=network, user=""), TRACE.span("visit", labels, parent) as note:
            response = self.get_response(request)
            visit = Visit.of(request, response)
            note("name", f"{visit.method} {visit.view}")
            note("view", visit.view)
            note("status", visit.status)
            visit.tell(seconds=time.perf_counter() - started)
        response.headers[correlation.HEADER] = number
        return response


@dataclass(frozen=True)
class Visit:
    """One request: method, view and status, as values of closed sets."""

    view: str
    method: str
    status: str

    @classmethod
    def of(cls, request: HttpRequest, response: HttpResponseBase) -> "Visit":
        return cls(
            view=request.resolver_match.view_name if request.resolver_match else ELSEWHERE,
            method=request.method if request.method in METHODS else "other",
            status=str(response.status_code),
        )

    def tell(self, *, seconds: float) -> None:
        """Record metric and log line."""
        instruments.HTTP_REQUESTS.labels(self.view, self.method, self.status).inc()
        instruments.HTTP_SECONDS.labels(self.view).observe(seconds)
        if settings.LOG_REQUESTS:
            logger.info("%s %s %s in %.0f ms", self.method, self.view, self.status, seconds * 1000)
