"""Sign-in by client certificate: redirect to a host name of its own, and back with a signed answer.

TLS 1.3 cannot request a certificate for one path only, so a proxy requests it at that host name. The answer
in the URL is valid only for the session that asked, once, for a minute.
"""

import datetime as dt
import secrets
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from identity_manager.account import redirects, sign_in_methods
from identity_manager.account.arrival import LOST
from identity_manager.account.client_certificates import (
    certificate_question,
    certificate_test,
    client_certificate,
)
from identity_manager.account.client_certificates.certificate_question import digest, signed
from identity_manager.people.sign_in import accepted_messages, client_certificates
from identity_manager.transactions.refusals import Reason, Refused
from identity_manager.ui.http import error_pages

ANSWER = "identity_manager.certificate.answer"
BEGUN = "certificate_sign_in"  # in the session
ANSWER_SECONDS = 60


@login_not_required
@never_cache
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Redirect to the host name at which the proxy requests a certificate."""
    _offered_or_404()
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    secret = secrets.token_urlsafe(24)
    request.session[BEGUN] = {"secret": secret, "next": redirects.wanted(request)}
    back = request.build_absolute_uri(reverse("certificate-finish"))
    return redirect(certificate_question.address({"session": digest(secret), "back": back}))


@login_not_required
@never_cache
@require_safe
def certificate(request: HttpRequest) -> HttpResponse:
    """At the certificate host name: look up the certificate, and redirect back with a signed answer."""
    _offered_or_404()
    if not client_certificate.is_certificate_host(request):
        raise Http404
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    question = certificate_question.question_in(request)
    if question is None:
        return _page(request, LOST, status=HTTPStatus.BAD_REQUEST)
    if question.get("test"):
        return redirect(certificate_test.answer_address(request, question))
    try:
        shown = client_certificate.presented(request)
        row = client_certificates.recognise(shown, trusted=settings.CERTIFICATE_CAS)
    except Refused as refusal:
        return _refused(request, refusal.reason, back=question["back"])
    said = {"session": question["session"], "certificate": str(row.pk), "id": secrets.token_urlsafe(16)}
    return redirect(f"{question['back']}?{urlencode({'answer': signing.dumps(said, salt=ANSWER)})}")


@login_not_required
@never_cache
@require_safe
def finish(request: HttpRequest) -> HttpResponse:
    """At the portal: sign in the person to whom the certificate was issued."""
    _offered_or_404()
    begun = request.session.pop(BEGUN, None)
    answer = signed(request.GET.get("answer", ""), salt=ANSWER, seconds=ANSWER_SECONDS)
    if begun is None or answer is None or not _fits(answer, begun):
        return _page(request, LOST, status=HTTPStatus.BAD_REQUEST)
    try:
        until = timezone.now() + dt.timedelta(seconds=2 * ANSWER_SECONDS)
        accepted_messages.accept_once("certificate-sign-in", answer["id"], until=until)
        account = client_certificates.sign_in(certificate_id=uuid.UUID(answer["certificate"]))
    except Refused as refusal:
        return _refused(request, refusal.reason)
    record_authentication(request, account, method=sign_in_methods.CERTIFICATE)
    response: HttpResponse = perform_login(request, Login(user=account, redirect_url=begun["next"]))
    return response


def _offered_or_404() -> None:
    if not sign_in_methods.is_offered(sign_in_methods.CERTIFICATE):
        raise Http404


def _fits(answer: dict[str, Any], begun: dict[str, Any]) -> bool:
    return constant_time_compare(answer["session"], digest(begun["secret"]))


def _refused(request: HttpRequest, reason: Reason, *, back: str = "") -> HttpResponse:
    client_certificates.record_refusal(code=reason.code)
    return _page(request, reason, status=HTTPStatus.FORBIDDEN, back=back)


def _page(request: HttpRequest, reason: Reason, *, status: int, back: str = "") -> HttpResponse:
    """Error page at the certificate host name, with a link back to the portal."""
    portal = urlsplit(back)
    address = f"{portal.scheme}://{portal.netloc}" if back else ""
    context = {"reason": reason, "login": f"{address}{reverse('account_login')}"}
    return render(request, "account/certificate_refused.html", context, status=status)
