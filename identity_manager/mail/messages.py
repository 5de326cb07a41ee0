"""One function for each mail: it returns an outbox row, not saved.

Each has a folder in templates/emails/ with subject.txt, body.txt and body.html. A mail says one thing, has
one button, and never holds a passphrase or a link that signs somebody in.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from identity_manager.mail.install import DEVICES, IN_MAILS
from identity_manager.models import OutgoingMail, Person, SoftwareToken, TokenRequest


@dataclass(frozen=True)
class About:
    """What a mail is about: its folder, its occasion, and the rows that it concerns."""

    message: str
    occasion: str
    person: Person
    request: TokenRequest | None = None
    token: SoftwareToken | None = None


def information(request: TokenRequest) -> OutgoingMail:
    """To the person, step 3: read and accept the terms in Open Tasks."""
    about = About("information", f"information:{request.pk}", request.person, request=request)
    return _compose(about, url=selfservice_url("selfservice:open-tasks"))


def approval_needed(request: TokenRequest, approver: Person) -> OutgoingMail:
    """To an approver: a request waits."""
    occasion = f"approval-needed:{request.pk}:{approver.pk}"
    about = About("approval_needed", occasion, approver, request=request)
    return _compose(about, url=console_url("console:request", request.pk))


def approved(request: TokenRequest) -> OutgoingMail:
    """To the requester: the request goes on."""
    about = About("approved", f"approved:{request.pk}", request.requested_by, request=request)
    return _compose(about, url=console_url("console:request", request.pk))


def rejected(request: TokenRequest) -> OutgoingMail:
    """To the requester: the request was rejected, and why."""
    about = About("rejected", f"rejected:{request.pk}", request.requested_by, request=request)
    if request.requested_by_id == request.person_id:
        return _compose(about, url=selfservice_url("selfservice:requests"))
    return _compose(about, url=console_url("console:request", request.pk))


def delivery(token: SoftwareToken, *, container_format: str, number: int) -> OutgoingMail:
    """To the person, step 7: the files of one token in one format, and how to install them."""
    about = About(
        "delivery", f"delivery:{token.pk}:{number}", token.person, request=token.request, token=token
    )
    devices = [
        device
        for device in DEVICES
        if device.container_format.value == container_format and device.code.removesuffix("-old") in IN_MAILS
    ]
    files = token.containers.filter(format=container_format).select_related("certificate__profile")
    page = "selfservice:open-tasks" if token.acknowledged_at is None else "selfservice:certificates"
    mail = _compose(about, url=selfservice_url(page), devices=devices, files=files)
    mail.container_format = container_format
    mail.to_address = token.request.delivery_address
    return mail


def passphrase_shown(token: SoftwareToken) -> OutgoingMail:
    """To the person: a passphrase was shown for the first time; if it was not you, say so."""
    about = About(
        "passphrase_shown", f"passphrase-shown:{token.pk}", token.person, request=token.request, token=token
    )
    return _compose(about, url=selfservice_url("selfservice:certificates"))


def request_lapsed(request: TokenRequest) -> OutgoingMail:
    """To the person: the terms were not accepted in time."""
    about = About("request_lapsed", f"request-lapsed:{request.pk}", request.person, request=request)
    return _compose(about, url=selfservice_url("selfservice:dashboard"))


def token_lapsed(token: SoftwareToken) -> OutgoingMail:
    """To the person: the passphrase was not noted in time; ask anew."""
    about = About(
        "token_lapsed", f"token-lapsed:{token.pk}", token.person, request=token.request, token=token
    )
    return _compose(about, url=selfservice_url("selfservice:dashboard"))


def sign_in_code_made(person: Person, *, code_id: str) -> OutgoingMail:
    """To the person: an officer made a sign-in code for you."""
    about = About("sign_in_code_made", f"sign-in-code:{code_id}", person)
    return _compose(about, url=selfservice_url("account_login"))


def console_url(name: str, *args: Any) -> str:
    """The address of a page of Identity Manager."""
    return urljoin(settings.CONSOLE_BASE_URL, reverse(name, args=args))


def selfservice_url(name: str, *args: Any) -> str:
    """The address of a page of Self-Service."""
    return urljoin(settings.SELFSERVICE_BASE_URL, reverse(name, args=args))


def _compose(about: About, *, url: str, **more: Any) -> OutgoingMail:
    """Render in the person's language and time zone."""
    context: dict[str, Any] = {
        "person": about.person,
        "request": about.request,
        "token": about.token,
        "action_url": url,
        **more,
    }
    folder = f"emails/{about.message}"
    with translation.override(about.person.language), timezone.override(about.person.time_zone):
        context["subject"] = " ".join(render_to_string(f"{folder}/subject.txt", context).split())
        return OutgoingMail(
            message=about.message,
            occasion=about.occasion,
            person=about.person,
            request=about.request,
            token=about.token,
            to_address=about.person.email,
            language=about.person.language,
            subject=context["subject"],
            body_text=render_to_string(f"{folder}/body.txt", context).strip() + "\n",
            body_html=render_to_string(f"{folder}/body.html", context),
        )
