"""Eligibility rules: who may request what for whom. Functions that change nothing and return reasons."""

import math
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ca_bridge.database.prepared_queries import ForKeys
from ca_bridge.errors import CaError
from ca_bridge.x509 import profiles
from identity_manager.models import (
    Certificate,
    CertificateState,
    HolderChange,
    OutgoingMail,
    Person,
    PersonState,
    RenewalPolicy,
    RequestKind,
    Role,
    SoftwareToken,
    TokenState,
    TokenType,
)
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.people.person import field_name
from identity_manager.models.requests.token_queries import first_end
from identity_manager.models.standing_orders.member import lost_by_order
from identity_manager.people.identity import identity_change_policy
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import NotPossible, Reason, require
from identity_manager.workflow import snapshot

NOT_ACTIVE = {
    PersonState.REGISTERED: Reason(
        "person-registered",
        _("This person is registered but not Active yet."),
        _("You are registered but not Active yet. Ask your Registration Officer."),
    ),
    PersonState.INACTIVE: Reason(
        "person-inactive",
        _("This person is Inactive. Activate the person first."),
        _("You are Inactive at present, so your software tokens are out of reach."),
    ),
    PersonState.LOCKED: Reason(
        "person-locked",
        _("This person is Locked for good."),
        _("You are Locked. Nobody can use Self-Service for you."),
    ),
}
NO_EMAIL = Reason(
    "no-email",
    _("This person has no e-mail address, so nothing can be delivered."),
    _("You have no e-mail address in the directory, so nothing can be delivered to you."),
)
NO_HUMAN = Reason("api-client", _("This is a client of the API, and no person who gets anything."))
EMAIL_WAITS = Reason(
    "email-waits",
    _("The e-mail address of this person waits for a second Registration Officer's confirmation."),
    _("Your e-mail address waits for a second Registration Officer's confirmation."),
)
NOT_ADMINISTRATOR = Reason(
    "not-administrator", _("Only a Software Token Administrator of this organisational unit can do this.")
)
YOUR_OWN_TOKEN = Reason(
    "own-token-to-administer", _("This is your own token. Another administrator decides on it.")
)
MADE_A_CODE = Reason(
    "made-a-code",
    _("You made a sign-in code for this person. Somebody else asks for their software tokens."),
)
NOT_SELF_SERVICE_USER = Reason(
    "not-self-service-user",
    _("You do not have the role Self-Service User. It comes with your first software token."),
)
NOT_YOURS = Reason("not-yours", _("Only the person whom this is for can do this."))
NO_TYPE = Reason("no-type", _("Check at least one software token type."))
UNKNOWN_TYPE = Reason("unknown-type", _("One of the checked types is not offered any more."))
WRONG_KIND = Reason("wrong-kind", _("Not offered to this kind of person."), _("Not offered to you."))
UNDER_WAY = Reason(
    "under-way", _("A request for this type is under way."), _("Your request for this type is under way.")
)
HAS_ONE = Reason("has-one", _("This person has a valid token of this type."), _("You have a valid one."))
RENEWABLE_FROM = _("This person has a valid token of this type. It can be renewed from %(day)s on.")
RENEWABLE_FROM_OWN = _("You have a valid one. You can renew it from %(day)s on.")
OFFICERS_RENEW = Reason(
    "officers-renew",
    _("A token of this type is renewed by a Software Token Administrator."),
    _("You have a valid one. A Software Token Administrator renews it."),
)
LEFT_ORDER = Reason(
    "runs-out",
    _("No standing order has the person as a member any more: only an administrator renews this token."),
    _("You no longer belong to those who have this type: only an administrator can renew this token."),
)
ANOTHER_SNAPSHOT = Reason("another-snapshot", _("The request has changed since you opened the page."))
ON_LEAVE = Reason(
    "person-on-leave", _("The person is Inactive. This request goes on when the person is activated.")
)

# Leased rows with retries.
EligibilityWork = Certificate | SoftwareToken | OutgoingMail


class HeldToken(NamedTuple):
    """A token that a person has, or an open line that is to become one.

    ends_at: the earliest notAfter of its certificates; None without one that counts.
    holder_changed: whether its certificates name outdated data of the person, and no officer has decided.
    is_lost: whether its person has left the standing order for it, so that an administrator alone renews it.
    """

    type_code: str
    is_open: bool
    state: str
    token_id: uuid.UUID
    ends_at: datetime | None
    holder_changed: bool
    is_lost: bool


Held = frozenset[HeldToken]


@dataclass(frozen=True)
class TypeChoice:
    """A token type on the Enable form: available, or why not. renews: the token that would be replaced.

    kind: of the request line that the choice opens.
    """

    token_type: TokenType
    reason: Reason | None
    renews: HeldToken | None = None
    kind: RequestKind = RequestKind.INITIAL

    @property
    def available(self) -> bool:
        return self.reason is None


def person_obstacle(person: Person) -> Reason | None:
    """Why this person cannot get tokens at all, or None."""
    if person.is_api_client:
        return NO_HUMAN
    if person.state != PersonState.ACTIVE:
        return NOT_ACTIVE[PersonState(person.state)]
    if person.email:
        return None
    return EMAIL_WAITS if "email" in identity_change_policy.waiting_fields(person) else NO_EMAIL


def waits_for_return(work: EligibilityWork) -> bool:
    """Whether this work waits while its person is Inactive (issuing, sealing, delivering)."""
    if isinstance(work, OutgoingMail):
        return work.delivers
    return isinstance(work, SoftwareToken) or work.state == CertificateState.ORDERED


def next_try_obstacle(person: Person, work: Iterable[EligibilityWork]) -> Reason | None:
    """Why waiting work cannot be retried now, or None."""
    if person.state != PersonState.INACTIVE:
        return None
    waiting = (each for each in work if each.last_error and each.next_attempt_at is not None)
    return ON_LEAVE if all(waits_for_return(each) for each in waiting) else None


def enable_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot enable this person, or None."""
    if not administers(actor, person):
        return NOT_ADMINISTRATOR
    return person_obstacle(person)


def administers(actor: Person, person: Person) -> bool:
    """Whether the actor is a Software Token Administrator for the person's organisational unit."""
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR, unit=person.organisational_unit)


def administers_everywhere(actor: Person) -> bool:
    """Whether the actor is a Software Token Administrator of all organisational units."""
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR, unit="")


def code_obstacle(actor: Person, person: Person) -> Reason | None:
    """Reason if the actor made a sign-in code for the person and so cannot be the requester."""
    return MADE_A_CODE if vouching_policy.persons_with_code_of(actor, [person.pk]) else None


def asking_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot request tokens for this person now, whatever the types, or None."""
    return enable_obstacle(actor, person) or code_obstacle(actor, person)


def type_choices(person: Person, *, own: bool = False) -> list[TypeChoice]:
    """Every offered type, with the reason where unavailable.

    own: the person asks, for whom tokens that only officers renew are unavailable.
    """
    held = held_by([person.pk]).get(person.pk, frozenset())
    return choices_among(offered_types(), person, held, own=own)


def held_by(person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Held]:
    """Tokens held or under way, by person; persons without any are left out."""
    found: dict[uuid.UUID, set[HeldToken]] = {}
    for person_id, *columns in _HELD.rows(person_ids):
        found.setdefault(person_id, set()).add(HeldToken(*columns))
    return {person_id: frozenset(held) for person_id, held in found.items()}


def _held(persons: list[Any]) -> QuerySet[SoftwareToken, Any]:
    rows = SoftwareToken.objects.held().filter(person__id__in=persons).order_by()
    changed = Exists(HolderChange.objects.filter(token=OuterRef("pk"), ended_at=None))
    is_lost = ExpressionWrapper(lost_by_order(), output_field=BooleanField())
    columns = ("person_id", "type_code", "is_open", "state", "pk", "ends_at", "holder_changed", "is_lost")
    found = rows.annotate(ends_at=first_end(), holder_changed=changed, is_lost=is_lost)
    return found.values_list(*columns)


_HELD = ForKeys[tuple[Any, ...]](_held, Person._meta.pk)


def choices_among(
    types: Iterable[TokenType], person: Person, held: Held, *, own: bool = False
) -> list[TypeChoice]:
    """Each of the types, with the reason where unavailable to a person who holds these."""
    return [_choice(token_type, person, held, own=own) for token_type in types]


def _choice(token_type: TokenType, person: Person, held: Held, *, own: bool) -> TypeChoice:
    mine = [each for each in held if each.type_code == token_type.code]
    if person.kind not in token_type.kinds:
        return TypeChoice(token_type, WRONG_KIND)
    if any(each.is_open for each in mine):
        return TypeChoice(token_type, UNDER_WAY)
    renews = max(mine, key=_end_of, default=None)
    reason = renewal_obstacle(renews, token_type, own=own) if renews else None
    kind = RequestKind.RENEWAL if renews else RequestKind.INITIAL
    return TypeChoice(token_type, reason or _certificate_obstacle(person, token_type), renews, kind)


def _end_of(held: HeldToken) -> float:
    return held.ends_at.timestamp() if held.ends_at else math.inf


def renewal_obstacle(held: HeldToken, token_type: TokenType, *, own: bool) -> Reason | None:
    """Why this token cannot be renewed now, or None.

    It can be if it is not on hold and its renewal window has begun or its holder's data have changed.
    """
    if held.state != TokenState.ACTIVE or held.ends_at is None:
        return HAS_ONE
    if own and held.is_lost:
        return LEFT_ORDER
    begins = held.ends_at - timedelta(days=token_type.renewal_days)
    if timezone.now() < begins and not held.holder_changed:
        day = {"day": date_format(timezone.localtime(begins), "DATE_FORMAT")}
        return Reason(HAS_ONE.code, str(RENEWABLE_FROM) % day, str(RENEWABLE_FROM_OWN) % day)
    return OFFICERS_RENEW if own and token_type.renewal_policy == RenewalPolicy.OFFICERS else None


def _certificate_obstacle(person: Person, token_type: TokenType) -> Reason | None:
    """Reason if a certificate could not be rendered: refused here instead of days later in the worker."""
    fields = snapshot.person_fields(person)
    lacking: dict[str, None] = {}
    for link in token_type.token_type_profiles.all():
        profile = link.profile.as_profile()
        lacking |= dict.fromkeys(profiles.missing_fields(profile, fields))
        if not lacking:
            try:
                profiles.render(profile, fields)
            except CaError as error:
                return Reason("certificate-not-possible", error.message)
    return _lacks(person, list(lacking)) if lacking else None


def _lacks(person: Person, fields: list[str]) -> Reason:
    """Required fields that the record lacks, or that wait for a second officer."""
    names = ", ".join(str(field_name(field)) for field in fields)
    if set(fields) <= set(identity_change_policy.waiting_fields(person)):
        waits = _("This waits for a second Registration Officer's confirmation: %(names)s.")
        return Reason("fields-wait", str(waits) % {"names": names})
    sentence = ngettext(
        "The person record lacks: %(names)s.", "The person record lacks: %(names)s.", len(fields)
    )
    return Reason("lacks-fields", sentence % {"names": names})


def chosen_types(person: Person, type_ids: Sequence[uuid.UUID]) -> list[TypeChoice]:
    """The types that the person checked for themselves.

    Raises NotPossible at the field `types` for none, unknown or unavailable ones.
    """
    return chosen_among(type_choices(person, own=True), type_ids)


def types_of_codes(codes: Sequence[str]) -> list[uuid.UUID]:
    """The types in force with these codes, in their order. Raises NotPossible where there is none."""
    known = dict(TokenType.objects.active().filter(code__in=codes).values_list("code", "pk"))
    require(set(codes) <= set(known), else_=UNKNOWN_TYPE, field="types")
    return [known[code] for code in dict.fromkeys(codes)]


def chosen_among(offered: Iterable[TypeChoice], type_ids: Sequence[uuid.UUID]) -> list[TypeChoice]:
    """The checked types among these choices; raises as chosen_types does."""
    if not type_ids:
        raise NotPossible(NO_TYPE, field="types")
    choices = {choice.token_type.pk: choice for choice in offered}
    for type_id in type_ids:
        if type_id not in choices:
            raise NotPossible(UNKNOWN_TYPE, field="types")
        reason = choices[type_id].reason
        if reason is not None:
            named = Reason(reason.code, f"{choices[type_id].token_type.name}: {reason}", reason.own)
            raise NotPossible(named, field="types")
    return [choices[type_id] for type_id in dict.fromkeys(type_ids)]
