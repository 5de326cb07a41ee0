"""What every mail is made of: the addresses in it, and the three templates of its folder, rendered."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from identity_manager.mail import inline_logo
from identity_manager.models import OFFICER_ROLES, OutgoingMail, Person, Role, SoftwareToken, TokenRequest
from identity_manager.queries import looks


@dataclass(frozen=True)
class About:
    """What a mail is about: folder, deduplication key, and the related rows."""

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


def compose(about: About, *, url: str, **more: Any) -> OutgoingMail:
    """Render in the recipient's language and time zone."""
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
    folder = f"emails/{about.message}"
    with translation.override(about.person.language), timezone.override(about.person.zone):
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
