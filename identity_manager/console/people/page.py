"""Page context of a person."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import offices, requests
from identity_manager.console.history import event_wording
from identity_manager.console.people import leave_page
from identity_manager.console.people.data_protection import erasure_page
from identity_manager.console.people.sign_in import sign_in_code_page
from identity_manager.console.requests import token_card
from identity_manager.console.requests.actions import ActionOffer, RequestAction, sending_obstacle
from identity_manager.console.requests.token_card import TokenCard
from identity_manager.models import (
    AuditEvent,
    Leave,
    Person,
    PersonSource,
    PersonState,
    Role,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.people.person import field_label
from identity_manager.people import directory_ownership, registration_policy, validation
from identity_manager.people.identity import identity_change_policy
from identity_manager.person_fields import DIRECTORY_FIELDS
from identity_manager.queries import console_pages
from identity_manager.transactions.refusals import Reason
from identity_manager.ui import dates
from identity_manager.ui.context import REQUEST_READERS
from identity_manager.ui.parts import Pair, TimelineEvent
from identity_manager.workflow.policy import eligibility

IN_HEADING = ("given_name", "surname", "display_name", "state")
MONO = ("personnel_number", "sid")

SAME_UPN = _("Active Directory takes it for that of another person: case and accents do not tell them apart.")


def context(actor: Person, person: Person) -> dict[str, Any]:
    """The context: record, roles, tokens, recent events; requests only for officers who may read them."""
    has = console_pages.possessions_of(person)
    console_pages.prefetch_roles_and_changes(person, changes=has.identity_changes)
    enables = offices.holds(actor, {Role.TOKEN_ADMINISTRATOR})
    return {
        "tab": "search",
        "person": person,
        "record": record(person),
        "roles": sorted(person.roles.all(), key=lambda held: (held.role, held.organisational_unit)),
        "roles_page": offices.holds(actor, {*offices.ROLE_GIVERS, Role.AUDITOR}),
        "assigns_roles": offices.holds(actor, offices.ROLE_GIVERS) and actor.pk != person.pk,
        "enables": enables,
        "obstacle": _obstacle(actor, person) if enables else None,
        "recovers": eligibility.administers(actor, person),
        "erases": erasure_page.is_offered(actor, person),
        "actions": [
            *leave_page.actions(actor, person),
            *_revocation(actor, person, offered=has.revocable_tokens),
        ],
        "leave": _leave(person),
        "directory": directory_ownership.source_of(person),
        "unfit": _unfit(person),
        "change": identity_change_policy.waiting_for(person),
        "registers": registration_policy.registers(actor, person),
        "sign_in": sign_in_code_page.card(actor, person),
        "tokens": list(_tokens(actor, person)),
        "because": list(_because(person)) if has.standing_memberships else [],
        "reads_requests": offices.holds(actor, REQUEST_READERS),
        "requests": _requests(actor, person),
        "history": _history(actor, person),
    }


def _history(actor: Person, person: Person) -> list[TimelineEvent]:
    """The latest events about the person; for a User Administrator those about roles."""
    if audit_access.reads_all(actor, person):
        events = console_pages.last_events(person.pk)
    else:
        about_roles = AuditEvent.objects.with_wording_columns().filter(
            person=person, name__in=audit_access.ABOUT_ROLES
        )
        events = list(about_roles[: console_pages.EVENTS_SHOWN])
    return event_wording.timeline(events, type_names=event_wording.type_names())


def _obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this officer cannot enable the person, or None."""
    obstacle = eligibility.enable_obstacle(actor, person)
    if obstacle is not None or not offices.holds(actor, {Role.REGISTRATION_OFFICER}):
        return obstacle
    return eligibility.code_obstacle(actor, person)


def record(person: Person) -> list[Pair | tuple[str | Promise, object]]:
    """The person as the directory knows them."""
    fields = [name for name in DIRECTORY_FIELDS if name not in IN_HEADING]
    source = (_("Source"), PersonSource(person.source).label)
    return [*(Pair(field_label(name), _shown(person, name), mono=name in MONO) for name in fields), source]


def _shown(person: Person, name: str) -> object:
    choice = getattr(person, f"get_{name}_display", None)
    return choice() if choice else getattr(person, name)


def _revocation(actor: Person, person: Person, *, offered: bool) -> list[RequestAction]:
    """**Replace** and **Revoke all**, for an administrator of a person who has a certificate to revoke."""
    if not offered or not eligibility.administers(actor, person):
        return []
    pages = ((_("Replace"), "person-replace"), (_("Revoke all"), "person-revoke-all"))
    urls = [(words, reverse(f"console:{page}", args=[person.pk])) for words, page in pages]
    return [RequestAction(words, url, dangerous=True) for words, url in urls]


def _leave(person: Person) -> Leave | None:
    if person.state != PersonState.INACTIVE:
        return None
    return person.leaves.filter(ended_at=None).select_related("began_by").first()


def _unfit(person: Person) -> list[tuple[str | Promise, str]]:
    """Fields with invalid values, for officers who can correct them; none of a Locked person."""
    if person.state == PersonState.LOCKED:
        return []
    found = [(_label(each.field), each.sentence) for each in validation.unfit(person)]
    if person.upn and person.upn_key is None:
        found.append((_label("upn"), str(SAME_UPN)))
    return found


def _label(field: str) -> str | Promise:
    label: str | Promise = Person._meta.get_field(field).verbose_name  # type: ignore[union-attr]  # a column's
    return label


def _tokens(actor: Person, person: Person) -> Iterator[TokenCard]:
    administers = eligibility.administers(actor, person)
    not_by_you = sending_obstacle(actor, person) if administers else None
    offer = ActionOffer(administers, not_by_you=not_by_you, back="person")
    for token in console_pages.tokens_handed_out(person):
        yield token_card.card(token, offer)


def _because(person: Person) -> Iterator[dict[str, Any]]:
    """The standing orders by which the person has, or is to have, a token type, since when."""
    rows = console_pages.standing_memberships(person)
    names = event_wording.type_names() if rows else {}
    for row in rows:
        code = row.order.type_code
        since = dates.long_date(timezone.localdate(row.since))
        yield {"order": row.order, "since": since, "type": names.get(code, code)}


def _requests(actor: Person, person: Person) -> Iterable[TokenRequest]:
    if requests.reads_all(actor):
        return console_pages.requests_of(person)
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    rows = requests.visible_requests(actor).filter(person=person).select_related("requested_by")
    return rows.prefetch_related(Prefetch("tokens", tokens)).order_by("-created_at")
