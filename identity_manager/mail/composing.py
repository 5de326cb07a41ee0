"""Composition of mails: URLs, and the three rendered templates of the mail's folder.

The company's own text replaces a part of them (mail.company_texts.source).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import get_resolver, reverse
from django.utils import timezone, translation

from identity_manager.mail import inline_logo
from identity_manager.mail.company_texts import source
from identity_manager.models import OFFICER_ROLES, OutgoingMail, Person, Role, SoftwareToken, TokenRequest
from identity_manager.queries import looks


@dataclass(frozen=True)
class About:
    """Identity of a mail: folder of templates, deduplication key, recipient and related rows."""

    message: str
    occasion: str
    person: Person
    request: TokenRequest | None = None
    token: SoftwareToken | None = None


def console_url(name: str, *args: Any) -> str:
    """Absolute address of an officers' page, which another host may serve."""
    return urljoin(settings.CONSOLE_BASE_URL, _path("console", name, args))


def selfservice_url(name: str, *args: Any) -> str:
    """Absolute address of a Self-Service page, which another host may serve."""
    return urljoin(settings.SELFSERVICE_BASE_URL, _path("selfservice", name, args))


def own_portal_url(person: Person, name: str) -> str:
    """Address of a page that both portals have, in the portal that the person uses."""
    uses_selfservice = person.has_role(Role.SELF_SERVICE_USER)
    is_officer = any(held.role in OFFICER_ROLES for held in person.roles_in_force())
    return (console_url if is_officer and not uses_selfservice else selfservice_url)(name)


def _path(portal: str, name: str, args: tuple[Any, ...]) -> str:
    return reverse(name, urlconf=settings.PORTAL_URLCONFS[portal], args=args)


def load_links() -> None:
    """Read the patterns of all pages, which the first link does otherwise: it takes a second."""
    for urlconf in settings.PORTAL_URLCONFS.values():
        _ = get_resolver(urlconf).reverse_dict


def compose(about: About, *, url: str, **more: Any) -> OutgoingMail:
    """Render in the recipient's language and time zone, with the company's own text where there is one."""
    seen = looks.in_force()
    context: dict[str, Any] = {
        "looks": seen,
        "logo_address": inline_logo.address(seen),
        "person": about.person,
        "request": about.request,
        "token": about.token,
        "action_url": url,
        **more,
    }
    with translation.override(about.person.language), timezone.override(about.person.zone):
        subject, text, html = _parts(about, context)
    return OutgoingMail(
        message=about.message,
        occasion=about.occasion,
        person=about.person,
        request=about.request,
        token=about.token,
        to_address=about.person.email,
        language=about.person.language,
        subject=subject,
        body_text=text.strip() + "\n",
        body_html=html,
    )


def _parts(about: About, context: dict[str, Any]) -> tuple[str, str, str]:
    """Subject, text and HTML. The company's words replace the block `content` of the product's templates."""
    folder = f"emails/{about.message}"
    own_text, own_html = f"{folder}/body.txt", f"{folder}/body.html"
    words = source.filled(about.message, about.person.language, context)
    if words is None:
        context["subject"] = " ".join(render_to_string(f"{folder}/subject.txt", context).split())
        return context["subject"], render_to_string(own_text, context), render_to_string(own_html, context)
    context |= {"subject": words.subject, "company_body": words.body, "paragraphs": words.paragraphs}
    text = render_to_string("emails/company.txt", {**context, "own_text": own_text})
    return words.subject, text, render_to_string("emails/company.html", {**context, "own_html": own_html})
