"""Signed parameter of the redirect to the certificate host name: session digest and return address."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

QUESTION = "identity_manager.certificate.question"
SECONDS = 300


def address(question: Mapping[str, object]) -> str:
    """The URL at the certificate host name, with the signed question."""
    said = signing.dumps(dict(question), salt=QUESTION)
    return f"{settings.CERTIFICATE_BASE_URL}{reverse('certificate')}?{urlencode({'question': said})}"


def question_in(request: HttpRequest) -> dict[str, Any] | None:
    """Return the question in the request; None if its signature is invalid or it is too old."""
    return signed(request.GET.get("question", ""), salt=QUESTION, seconds=SECONDS)


def signed(text: str, *, salt: str, seconds: int) -> dict[str, Any] | None:
    """Return the signed content; None if the signature is invalid or it is too old."""
    try:
        said: dict[str, Any] = signing.loads(text, salt=salt, max_age=seconds)
    except signing.BadSignature:
        return None
    return said


def digest(secret: str) -> str:
    """Digest of the session's secret, which the question contains."""
    return hashlib.sha256(secret.encode()).hexdigest()
