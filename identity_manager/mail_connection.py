"""The connection for outgoing mail, by EMAIL_BACKEND; a provider's API is called as everything else is."""

from typing import Any
from urllib.parse import urlsplit

import requests
from anymail.backends.base_requests import AnymailRequestsBackend
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from ca_bridge import outgoing


def place(backend: Any) -> str:
    """Who takes the mails: host and port of the mail server, the host of a provider's API, or its name."""
    if isinstance(backend, SmtpBackend):
        return f"{backend.host}:{backend.port}"
    return urlsplit(getattr(backend, "api_url", "")).netloc or provider()


def provider() -> str:
    """What anymail calls the provider of EMAIL_BACKEND."""
    return settings.EMAIL_BACKEND.removeprefix("anymail.backends.").partition(".")[0]


def connection() -> Any:
    """Return a backend that raises what goes wrong."""
    backend: Any = get_connection(fail_silently=False)
    if isinstance(backend, AnymailRequestsBackend):
        theirs = backend.create_session

        def create_session() -> requests.Session:
            return outgoing.prepared(theirs())

        backend.create_session = create_session
    return backend
