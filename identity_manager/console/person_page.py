"""What the page of a person shows to this officer."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console import access, history, sign_in_code_page, token_card
from identity_manager.models import AuditEvent, Person, Role, SoftwareToken, TokenRequest, TokenType
from identity_manager.ui.context import REQUEST_READERS
from identity_manager.ui.parts import Pair
from identity_manager.workflow import policy

EVENTS_SHOWN = 30


def context(actor: Person, person: Person) -> dict[str, Any]:
    """Record, roles, tokens; requests as far as this officer reads requests; what happened last."""
    return {
        "tab": "search",
        "person": person,
        "record": record(person),
        "roles": person.roles.order_by("role", "organisational_unit"),
        "enables": access.holds(actor, {Role.TOKEN_ADMINISTRATOR}),
        "obstacle": policy.enable_obstacle(actor, person),
        "sign_in": sign_in_code_page.card(actor, person),
        "tokens": [token_card.card(token, administers=False) for token in _tokens(person)],
        "reads_requests": access.holds(actor, REQUEST_READERS),
        "requests": _requests(actor, person),
        "history": history.timeline(_events(person), type_names=_type_names()),
    }


def record(person: Person) -> list[Pair | tuple[str | Promise, object]]:
    """The person as the directory knows them."""
    return [
        Pair(_("Personnel number"), person.personnel_number, mono=True),
        (_("Kind"), person.get_kind_display()),
        (_("E-mail"), person.email),
        (_("User principal name"), person.upn),
        Pair(_("Security identifier"), person.sid, mono=True),
        (_("Department"), person.department),
        (_("Organisational unit"), person.organisational_unit),
        (_("Manager"), person.manager),
        (_("Language"), person.get_language_display()),
        (_("Time zone"), person.time_zone),
        (_("Source"), person.get_source_display()),
    ]


def _tokens(person: Person) -> QuerySet[SoftwareToken]:
    handed_out = SoftwareToken.objects.filter(person=person).visible_under_certificates()
    return token_card.rows().filter(pk__in=handed_out.values("pk")).order_by("-created_at")


def _requests(actor: Person, person: Person) -> QuerySet[TokenRequest]:
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    rows = access.visible_requests(actor).filter(person=person).select_related("requested_by")
    return rows.prefetch_related(Prefetch("tokens", tokens)).order_by("-created_at")


def _type_names() -> dict[str, str]:
    return {each.code: str(each) for each in TokenType.objects.active()}


def _events(person: Person) -> QuerySet[AuditEvent]:
    return history.rows().filter(person=person)[:EVENTS_SHOWN]
