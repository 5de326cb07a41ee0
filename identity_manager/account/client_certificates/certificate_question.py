"""The signed question that leads to the host name of certificates: which session asked, and the way back."""

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
    """Where the browser goes with the question."""
    said = signing.dumps(dict(question), salt=QUESTION)
    return f"{settings.CERTIFICATE_BASE_URL}{reverse('certificate')}?{urlencode({'question': said})}"


def asked(request: HttpRequest) -> dict[str, Any] | None:
    """The question that the browser brings; None where it is not ours, or too old."""
    return signed(request.GET.get("question", ""), salt=QUESTION, seconds=SECONDS)


def signed(text: str, *, salt: str, seconds: int) -> dict[str, Any] | None:
    """What was signed; None where it is not ours, or too old."""
    try:
        said: dict[str, Any] = signing.loads(text, salt=salt, max_age=seconds)
    except signing.BadSignature:
        return None
    return said


def digest(secret: str) -> str:
    """What a question says of the session's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
