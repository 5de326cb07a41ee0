"""Pure questions with reasons: who may do what, which types a person can have, and if not, why."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ca_bridge import profiles
from ca_bridge.errors import CaError
from identity_manager.models import (
    ApprovalPolicy,
    Person,
    PersonState,
    RequestOrigin,
    RequestState,
    Role,
    SignInCode,
    SoftwareToken,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.models.software_token import IN_USE
from identity_manager.workflow import snapshot
from identity_manager.workflow.errors import NotPossible, Reason

NOT_ACTIVE = {
    PersonState.REGISTERED: Reason("person-registered", _("This person is registered but not Active yet.")),
    PersonState.INACTIVE: Reason("person-inactive", _("This person is Inactive. Activate the person first.")),
    PersonState.LOCKED: Reason("person-locked", _("This person is Locked for good.")),
}
NO_EMAIL = Reason("no-email", _("This person has no e-mail address, so nothing can be delivered."))
NOT_ADMINISTRATOR = Reason(
    "not-administrator", _("Only a Software Token Administrator of this organisational unit can do this.")
)
MADE_A_CODE = Reason(
    "made-a-code",
    _("You made a sign-in code for this person. Somebody else asks for their software tokens."),
)
NOT_SELF_SERVICE_USER = Reason("not-self-service-user", _("You do not have the role Self-Service User."))
NOT_APPROVER = Reason(
    "not-approver", _("Only an Approver of this organisational unit decides on this request.")
)
OWN_REQUEST = Reason("own-request", _("You asked for this. Somebody else decides on it."))
OWN_TOKEN = Reason("own-token", _("This is for yourself. Somebody else decides on it."))
DECIDED_ALREADY = Reason(
    "decided-already", _("You have decided on this request. A second approver decides too.")
)
NOT_YOURS = Reason("not-yours", _("Only the person whom this is for can do this."))
NO_TYPE = Reason("no-type", _("Check at least one software token type."))
UNKNOWN_TYPE = Reason("unknown-type", _("One of the checked types is not offered any more."))
WRONG_KIND = Reason("wrong-kind", _("Not offered to this kind of person."))
UNDER_WAY = Reason("under-way", _("A request for this type is under way."))
HAS_ONE = Reason("has-one", _("This person has a valid token of this type."))


@dataclass(frozen=True)
class TypeChoice:
    """A token type as the Enable form shows it: available, or why not."""

    token_type: TokenType
    reason: Reason | None

    @property
    def available(self) -> bool:
        return self.reason is None


def person_obstacle(person: Person) -> Reason | None:
    """Why this person cannot get tokens at all, or None."""
    if person.state != PersonState.ACTIVE:
        return NOT_ACTIVE[PersonState(person.state)]
    return None if person.email else NO_EMAIL


def enable_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot enable this person, or None."""
    if not administers(actor, person):
        return NOT_ADMINISTRATOR
    return person_obstacle(person)


def administers(actor: Person, person: Person) -> bool:
    """Whether the actor is a Software Token Administrator for the person's organisational unit."""
    return actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR, unit=person.organisational_unit)


def code_obstacle(actor: Person, person: Person) -> Reason | None:
    """Who made a sign-in code for a person cannot be the requester too (SPEC.md 2), or None.

    A code that was withdrawn or has expired unused opens nothing, so it is no obstacle.
    """
    made = SignInCode.objects.filter(person=person, asked_by=actor)
    opens = made.usable(timezone.now()) | made.filter(used_at__isnull=False)
    return MADE_A_CODE if opens.exists() else None


def type_choices(person: Person) -> list[TypeChoice]:
    """Every type on offer, with the reason where the person cannot have it now."""
    held = {
        (token.type_code, token.is_open)
        for token in SoftwareToken.objects.filter(person=person)
        if token.is_open or token.state in IN_USE
    }
    types = (
        TokenType.objects.active().select_related("terms").prefetch_related("token_type_profiles__profile")
    )
    return [TypeChoice(token_type, _type_obstacle(person, token_type, held)) for token_type in types]


def _type_obstacle(person: Person, token_type: TokenType, held: set[tuple[str, bool]]) -> Reason | None:
    if person.kind not in token_type.kinds:
        return WRONG_KIND
    if (token_type.code, True) in held:
        return UNDER_WAY
    if (token_type.code, False) in held:
        return HAS_ONE
    return _certificate_obstacle(person, token_type)


def _certificate_obstacle(person: Person, token_type: TokenType) -> Reason | None:
    """A certificate that could not be written is refused here, not in the worker days later."""
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
    if not lacking:
        return None
    names = ", ".join(str(snapshot.MATERIAL_FIELDS[field]) for field in lacking)
    sentence = ngettext(
        "The person record lacks: %(names)s.", "The person record lacks: %(names)s.", len(lacking)
    )
    return Reason("lacks-fields", sentence % {"names": names})


def chosen_types(person: Person, type_ids: Sequence[uuid.UUID]) -> list[TokenType]:
    """The checked types. Raises NotPossible at the field `types` for none, unknown or unavailable ones."""
    if not type_ids:
        raise NotPossible(NO_TYPE, field="types")
    choices = {choice.token_type.pk: choice for choice in type_choices(person)}
    for type_id in type_ids:
        if type_id not in choices:
            raise NotPossible(UNKNOWN_TYPE, field="types")
        reason = choices[type_id].reason
        if reason is not None:
            named = Reason(reason.code, f"{choices[type_id].token_type.name}: {reason}")
            raise NotPossible(named, field="types")
    return [choices[type_id].token_type for type_id in dict.fromkeys(type_ids)]


def approvals_needed(
    types: Sequence[TokenType], *, requester: Person, person: Person, origin: RequestOrigin
) -> int:
    """How many approvers must say yes: the strictest of the types wins.

    An administrator who enables themselves always needs one.
    """
    own = requester.pk == person.pk
    wanting = {ApprovalPolicy.ALWAYS, ApprovalPolicy.SELF_REQUESTED} if own else {ApprovalPolicy.ALWAYS}
    least = 1 if own and origin == RequestOrigin.ADMINISTRATOR else 0
    by_type = [token_type.approvers_needed for token_type in types if token_type.approval in wanting]
    return max([least, *by_type])


def decision_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    """Why this actor cannot decide on this request, or None. Four eyes: SPEC.md 1."""
    if not actor.is_active or not actor.has_role(Role.APPROVER, unit=request.person.organisational_unit):
        return NOT_APPROVER
    if request.person_id == actor.pk:
        return OWN_TOKEN
    if request.requested_by_id == actor.pk:
        return OWN_REQUEST
    if request.approvals.filter(approver=actor).exists():
        return DECIDED_ALREADY
    return None


def approvers(request: TokenRequest) -> QuerySet[Person]:
    """Who may decide on the request."""
    return (
        Person.objects.holding(Role.APPROVER, unit=request.person.organisational_unit)
        .exclude(pk__in=(request.person_id, request.requested_by_id))
        .order_by("display_name")
    )


def can_be_withdrawn(request: TokenRequest) -> bool:
    """Whether the person may withdraw the request: while it waits for somebody's word."""
    return request.state in (RequestState.REQUESTED, RequestState.APPROVED, RequestState.AWAITING_ACCEPTANCE)


def can_be_revoked(token: SoftwareToken) -> bool:
    """Whether the token was handed out and is not at its end."""
    return token.state in (TokenState.SEALED, TokenState.ACTIVE, TokenState.ON_HOLD)


def can_be_sent(token: SoftwareToken) -> bool:
    """Whether the token's containers may be mailed (again)."""
    return token.state in (TokenState.SEALED, TokenState.ACTIVE)
