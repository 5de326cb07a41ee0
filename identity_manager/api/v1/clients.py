"""Authentication of API clients, by bearer token or client certificate (through the proxy), and scopes."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any, cast

from allauth.core import ratelimit
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.operation import Operation
from ninja.security import HttpBearer
from ninja.security.base import AuthBase

from identity_manager.account.client_certificates import client_certificate
from identity_manager.api.v1 import problems
from identity_manager.api.v1.problems import NotAccepted
from identity_manager.models import ApiClient, ApiMethod, ApiScope, Person
from identity_manager.people.api_access import api_clients
from identity_manager.telemetry import correlation
from identity_manager.transactions.refusals import Refused

FAILED = "api_failed"  # its limit is in ACCOUNT_RATE_LIMITS
JSON = "application/json"


class Door:
    """Scopes that an operation requires of a client. operation: set when the API is assembled."""

    def __init__(self, scopes: Sequence[ApiScope]) -> None:
        super().__init__()
        self.scopes = scopes
        self.operation: Operation | None = None

    def admit(self, request: HttpRequest, client: ApiClient | None) -> ApiClient | None:
        """The client, if it may call this operation in this form. Raises NotAccepted."""
        if client is None:
            _count_failure(request)
            return None
        correlation.by_user(client.actor_id)
        if client.calls > api_clients.MOST_CALLS:
            raise problems.too_many(60 - timezone.now().second)
        require_scopes(client, self.scopes)
        _check_form(request, self.operation)
        return client


class Bearer(Door, HttpBearer):
    """RFC 6750: `Authorization: Bearer imc_...`."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiClient | None:
        return self.admit(request, api_clients.used(token.strip().encode(), method=ApiMethod.BEARER))


class MutualTLS(Door, AuthBase):
    """Mutual TLS: the certificate that the proxy passes on, identified by SHA-256, never by its subject."""

    openapi_type = "mutualTLS"

    def __call__(self, request: HttpRequest) -> ApiClient | None:
        if "Authorization" in request.headers:
            return None
        try:
            shown = client_certificate.presented(request)
        except Refused:
            return None
        return self.admit(request, api_clients.used(shown, method=ApiMethod.CERTIFICATE))


def needs(*scopes: ApiScope) -> list[Any]:
    """The authentication of an operation that requires all of these scopes."""
    return [Bearer(scopes), MutualTLS(scopes)]


def require_scopes(client: ApiClient, scopes: Sequence[ApiScope]) -> None:
    """Refuse a client that lacks one of these, which depend on what it asks for. Raises NotAccepted."""
    if lacking := set(scopes) - set(client.scopes):
        raise _insufficient(scopes, lacking)


def client_of(request: HttpRequest) -> ApiClient:
    """The client that calls."""
    return cast(ApiClient, request.auth)  # type: ignore[attr-defined]  # ninja sets it


def actor_of(request: HttpRequest) -> Person:
    """The person as whom the client acts, with their roles."""
    return client_of(request).actor


def _count_failure(request: HttpRequest) -> None:
    """Count a failed authentication for the rate limit of the caller's network."""
    if not ratelimit.consume(request, action=FAILED):
        raise problems.too_many(60)


def _insufficient(scopes: Sequence[ApiScope], lacking: Collection[ApiScope]) -> NotAccepted:
    """403 whose challenge names all scopes that the operation requires (RFC 6750 3.1)."""
    challenge = f'{problems.CHALLENGE}, error="insufficient_scope", scope="{" ".join(scopes)}"'
    words = {"scope": ", ".join(sorted(lacking))}
    sentence = _("This client may not do this: it lacks the scope %(scope)s.") % words
    headers = {"WWW-Authenticate": challenge}
    return NotAccepted(HTTPStatus.FORBIDDEN, "insufficient-scope", sentence, headers)


def _check_form(request: HttpRequest, operation: Operation | None) -> None:
    """Refuse a body that is not JSON, and unknown or repeated query parameters."""
    models = operation.models if operation else []
    sources = {model.__ninja_param_source__ for model in models}
    if "body" in sources and request.content_type != JSON:
        sentence = _("The body of this request is JSON: send Content-Type application/json.")
        raise NotAccepted(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", sentence)
    known = {
        name
        for model in models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
    for name, values in request.GET.lists():
        if name not in known or len(values) > 1:
            sentence = _("This address does not take this name, or takes it once: %(name)s")
            words = sentence % {"name": name[:100]}
            raise NotAccepted(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-query-name", words)
