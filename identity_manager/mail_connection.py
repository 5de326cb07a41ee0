"""Mail transport by EMAIL_BACKEND: SMTP, or a provider's HTTP API with our proxy and TLS settings."""

from typing import Any
from urllib.parse import urlsplit

import requests
from anymail.backends.base_requests import AnymailRequestsBackend
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from ca_bridge import outgoing


def place(backend: Any) -> str:
    """Receiver of the mails: host and port of the SMTP server, host of a provider's API, or its name."""
    if isinstance(backend, SmtpBackend):
        return f"{backend.host}:{backend.port}"
    return urlsplit(getattr(backend, "api_url", "")).netloc or provider()


def provider() -> str:
    """The provider's name in anymail; empty for other backends."""
    return settings.EMAIL_BACKEND.removeprefix("anymail.backends.").partition(".")[0]


def connection() -> Any:
    """A mail backend with fail_silently=False."""
    backend: Any = get_connection(fail_silently=False)
    if isinstance(backend, AnymailRequestsBackend):
        theirs = backend.create_session

        def create_session() -> requests.Session:
            return outgoing.prepared(theirs())

        backend.create_session = create_session
    return backend
