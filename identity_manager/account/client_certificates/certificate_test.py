"""Self-test of client certificates: shows a System Administrator what the proxy passes on.

The answer is signed under a salt of its own, so that it signs nobody in. It is valid for the session that
asked, for a minute. It holds what arrived and the reason of a refusal, not the shared secret.
"""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from ca_bridge.x509 import client_authentication
from identity_manager.account.client_certificates import certificate_question, client_certificate
from identity_manager.people.sign_in import client_certificates
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import proxies

ANSWER = "identity_manager.certificate.test"
BEGUN = "certificate_test"  # in the session
ANSWER_SECONDS = 60
LONGEST = 200  # characters of what came from outside


def begin(request: HttpRequest, *, back: str) -> str:
    """Remember in the session that it asked; return the address of the host name of certificates."""
    secret = secrets.token_urlsafe(24)
    request.session[BEGUN] = secret
    question = {"session": certificate_question.digest(secret), "back": back, "test": True}
    return certificate_question.address(question)


def answer_address(request: HttpRequest, question: dict[str, Any]) -> str:
    """The return address, with the signed answer."""
    said = examine(request) | {"session": question["session"]}
    return f"{question['back']}?{urlencode({'answer': signing.dumps(said, salt=ANSWER)})}"


def examine(request: HttpRequest) -> dict[str, Any]:
    """Examine the proxy's headers. The result has the code of the refusal, empty if it would sign in."""
    names = client_certificate.HEADER_NAMES
    sender = request.META.get("REMOTE_ADDR", "")
    arrived = [header for header, name in names.items() if request.META.get(name, "").strip()]
    return {
        "arrived": arrived,
        "sender": sender[:LONGEST],
        "is_proxy": proxies.is_proxy(sender, proxies.trusted_networks()),
        "verified": request.META.get(client_certificate.VERIFIED, "")[:LONGEST],
        "has_secret": bool(request.META.get(client_certificate.SECRET)),
        **_outcome(request),
    }


def _outcome(request: HttpRequest) -> dict[str, Any]:
    faults: list[str] = []
    try:
        shown = client_certificate.presented(request)
        faults = client_authentication.faults(shown, settings.CERTIFICATE_CAS)
        client_certificates.recognise(shown, trusted=settings.CERTIFICATE_CAS)
    except Refused as refused:
        return {"refused": refused.reason.code, "faults": [each[:LONGEST] for each in faults[:5]]}
    return {"refused": "", "faults": []}


def answer(request: HttpRequest) -> dict[str, Any] | None:
    """Return the test's result, once, for the session that asked; None without a valid answer."""
    given = request.GET.get("answer", "")
    said = certificate_question.signed(given, salt=ANSWER, seconds=ANSWER_SECONDS) if given else None
    if said is None:
        return None
    secret = request.session.pop(BEGUN, "")
    fits = constant_time_compare(said["session"], certificate_question.digest(secret))
    return said if secret and fits else None
