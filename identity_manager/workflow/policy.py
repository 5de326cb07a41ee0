"""Pure questions with reasons: who may do what, which types a person can have, and if not, why."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ca_bridge import profiles
from ca_bridge.errors import CaError
from ca_bridge.statements import Among
from identity_manager.models import (
    Approval,
    ApprovalPolicy,
    Certificate,
    CertificateState,
    OutgoingMail,
    Person,
    PersonState,
    RequestOrigin,
    RequestState,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.models.software_token import IN_USE
from identity_manager.models.token_request import STOPPABLE
from identity_manager.models.token_type import offered_types
from identity_manager.people import identity_change_policy, vouching_policy
from identity_manager.workflow import snapshot
from identity_manager.workflow.errors import NotPossible, Reason

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
EMAIL_WAITS = Reason(
    "email-waits",
    _("The e-mail address of this person waits for a second Registration Officer's confirmation."),
    _("Your e-mail address waits for a second Registration Officer's confirmation."),
)
NOT_ADMINISTRATOR = Reason(
    "not-administrator", _("Only a Software Token Administrator of this organisational unit can do this.")
)
MADE_A_CODE = Reason(
    "made-a-code",
    _("You made a sign-in code for this person. Somebody else asks for their software tokens."),
)
NOT_SELF_SERVICE_USER = Reason(
    "not-self-service-user",
    _("You do not have the role Self-Service User. It comes with your first software token."),
)
NOT_APPROVER = Reason(
    "not-approver", _("Only an Approver of this organisational unit decides on this request.")
)
OWN_REQUEST = Reason("own-request", _("You asked for this. Somebody else decides on it."))
OWN_TOKEN = Reason("own-token", _("This is for yourself. Somebody else decides on it."))
DECIDED_ALREADY = Reason(
    "decided-already", _("You have decided on this request. A second approver decides too.")
)
NOT_YOURS = Reason("not-yours", _("Only the person whom this is for can do this."))
TOKEN_ON_HOLD = Reason("token-on-hold", _("This token is on hold, so nothing of it is handed out."))
NO_TYPE = Reason("no-type", _("Check at least one software token type."))
UNKNOWN_TYPE = Reason("unknown-type", _("One of the checked types is not offered any more."))
WRONG_KIND = Reason("wrong-kind", _("Not offered to this kind of person."), _("Not offered to you."))
UNDER_WAY = Reason(
    "under-way", _("A request for this type is under way."), _("Your request for this type is under way.")
)
HAS_ONE = Reason("has-one", _("This person has a valid token of this type."), _("You have a valid one."))
ANOTHER_SNAPSHOT = Reason("another-snapshot", _("The request has changed since you opened the page."))
TOO_FEW_APPROVERS = Reason(
    "too-few-approvers",
    _("Nobody can approve this: there are not enough approvers for this organisational unit."),
)
ON_LEAVE = Reason(
    "person-on-leave", _("The person is Inactive. This request goes on when the person is activated.")
)

# What a worker claims, and tries again.
Work = Certificate | SoftwareToken | OutgoingMail


# What a person has: the code of a type, and whether it is still on its way.
Held = frozenset[tuple[str, bool]]


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
    if person.email:
        return None
    return EMAIL_WAITS if "email" in identity_change_policy.waiting_fields(person) else NO_EMAIL


def waits_for_return(work: Work) -> bool:
    """Whether this is not done while its person is Inactive: issued, sealed, or delivered as a file."""
    if isinstance(work, OutgoingMail):
        return work.delivers
    return isinstance(work, SoftwareToken) or work.state == CertificateState.ORDERED


def next_try_obstacle(person: Person, work: Iterable[Work]) -> Reason | None:
    """Why nothing of this that has failed and waits for its next try is tried now, or None."""
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


def code_obstacle(actor: Person, person: Person) -> Reason | None:
    """Who made a sign-in code for a person cannot be the requester too (SPEC.md 2), or None."""
    return MADE_A_CODE if vouching_policy.persons_with_code_of(actor, [person.pk]) else None


def asking_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot ask for tokens of this person now, whatever the types, or None."""
    return enable_obstacle(actor, person) or code_obstacle(actor, person)


def type_choices(person: Person) -> list[TypeChoice]:
    """Every type on offer, with the reason where the person cannot have it now."""
    return choices_among(offered_types(), person, held_by([person.pk]).get(person.pk, frozenset()))


def held_by(person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Held]:
    """What each person has, or is about to get; who has nothing is left out."""
    found: dict[uuid.UUID, set[tuple[str, bool]]] = {}
    for person_id, code, is_open in _HELD.rows(person_ids):
        found.setdefault(person_id, set()).add((code, is_open))
    return {person_id: frozenset(held) for person_id, held in found.items()}


def _held(persons: list[Any]) -> QuerySet[SoftwareToken, Any]:
    has = Q(is_open=True) | Q(state__in=IN_USE)
    rows = SoftwareToken.objects.filter(has, person__id__in=persons).order_by()
    return rows.values_list("person_id", "type_code", "is_open")


_HELD = Among[tuple[uuid.UUID, str, bool]](_held, Person._meta.pk)


def choices_among(types: Iterable[TokenType], person: Person, held: Held) -> list[TypeChoice]:
    """Each of the types, with the reason where the person, who has these, cannot have it now."""
    return [TypeChoice(token_type, _type_obstacle(person, token_type, held)) for token_type in types]


def _type_obstacle(person: Person, token_type: TokenType, held: Held) -> Reason | None:
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
    return _lacks(person, list(lacking)) if lacking else None


def _lacks(person: Person, fields: list[str]) -> Reason:
    """What a certificate needs and the record has not, or not before a second officer has confirmed it."""
    names = ", ".join(str(snapshot.MATERIAL_FIELDS[field]) for field in fields)
    if set(fields) <= set(identity_change_policy.waiting_fields(person)):
        waits = _("This waits for a second Registration Officer's confirmation: %(names)s.")
        return Reason("fields-wait", str(waits) % {"names": names})
    sentence = ngettext(
        "The person record lacks: %(names)s.", "The person record lacks: %(names)s.", len(fields)
    )
    return Reason("lacks-fields", sentence % {"names": names})


def chosen_types(person: Person, type_ids: Sequence[uuid.UUID]) -> list[TokenType]:
    """The checked types. Raises NotPossible at the field `types` for none, unknown or unavailable ones."""
    return chosen_among(type_choices(person), type_ids)


def chosen_among(offered: Iterable[TypeChoice], type_ids: Sequence[uuid.UUID]) -> list[TokenType]:
    """The checked ones of these types; raises as chosen_types does."""
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


def approvals_needed_now(request: TokenRequest, types: Sequence[TokenType]) -> int:
    """How many approvals these types of the request need in its present round.

    The officer who sent it round again counts as one who asks: for themselves they always need one.
    """
    needed = approvals_needed(
        types,
        requester=request.requested_by,
        person=request.person,
        origin=RequestOrigin(request.origin),
    )
    sender = request.round_started_by
    if sender is None:
        return needed
    by_sender = approvals_needed(
        types, requester=sender, person=request.person, origin=RequestOrigin.ADMINISTRATOR
    )
    return max(needed, by_sender)


def decision_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    """Why this actor cannot decide on this request, or None. Four eyes: SPEC.md 1."""
    obstacle = _decider_obstacle(actor, request)
    if obstacle is not None:
        return obstacle
    if any(each.approver_id == actor.pk for each in request.decisions):
        return DECIDED_ALREADY
    return vouching_policy.obstacle(actor, request.person)


def approval_counts(approval: Approval, request: TokenRequest) -> bool:
    """Whether who gave the approval could still give it: as long as they hold the role, and did not vouch."""
    giver = approval.approver
    return not (_decider_obstacle(giver, request) or vouching_policy.obstacle(giver, request.person))


def _decider_obstacle(actor: Person, request: TokenRequest) -> Reason | None:
    if not actor.is_active or not actor.has_role(Role.APPROVER, unit=request.person.organisational_unit):
        return NOT_APPROVER
    if request.person_id == actor.pk:
        return OWN_TOKEN
    if actor.pk in (request.requested_by_id, request.round_started_by_id):
        return OWN_REQUEST
    return None


def approvers(request: TokenRequest) -> QuerySet[Person]:
    """Who may decide on the request."""
    ids = [request.person_id, request.requested_by_id]
    if request.round_started_by_id is not None:
        ids.append(request.round_started_by_id)
    holding = Person.objects.holding(Role.APPROVER, unit=request.person.organisational_unit)
    others = vouching_policy.others_than_vouched(holding.exclude(pk__in=ids), request.person)
    return others.order_by("display_name", "pk")


def undecided_approvers(request: TokenRequest) -> QuerySet[Person]:
    """Who may decide on the request and has not in this round."""
    decided = Approval.objects.filter(request_id=request.pk, round=request.round).values("approver")
    return approvers(request).exclude(pk__in=decided)


def approver_levels(request: TokenRequest) -> list[list[Person]]:
    """Who may still decide on the request, in the order in which they are asked; no level is empty.

    The person's manager; the approvers of the person's organisational unit; those without a limit.
    """
    return levels_among(request, undecided_approvers(request).prefetch_related("roles"))


def levels_among(request: TokenRequest, undecided: Iterable[Person]) -> list[list[Person]]:
    """These approvers in the order of approver_levels; their roles are known."""
    levels: list[list[Person]] = [[], [], []]
    for approver in undecided:
        if approver.pk == request.person.manager_id:
            levels[0].append(approver)
        else:
            levels[1 if _is_approver_of_the_unit(approver, request.person) else 2].append(approver)
    return [level for level in levels if level]


def _is_approver_of_the_unit(approver: Person, person: Person) -> bool:
    unit = person.organisational_unit
    return any(
        held.role == Role.APPROVER and held.organisational_unit == unit != "" for held in approver.roles.all()
    )


def administrators(person: Person) -> QuerySet[Person]:
    """The Software Token Administrators of the person's organisational unit."""
    return Person.objects.holding(Role.TOKEN_ADMINISTRATOR, unit=person.organisational_unit)


def is_stopped(request: TokenRequest) -> bool:
    """Whether a change of its person stops the request, so that an officer decides how it goes on."""
    return request.stopped_at is not None and request.state in STOPPABLE


def can_go_round_again(request: TokenRequest) -> bool:
    """Whether the request is where an officer can send it round again, once its person has changed."""
    return request.state in STOPPABLE


def delivery_obstacle(token: SoftwareToken) -> Reason | None:
    """Why nothing of this token is handed to its person now, by mail, portal or screen; or None."""
    if token.state == TokenState.ON_HOLD:
        return TOKEN_ON_HOLD
    waits = identity_change_policy.waiting_for(token.person)
    return identity_change_policy.FROZEN if waits is not None else None


def can_be_withdrawn(request: TokenRequest) -> bool:
    """Whether the person may withdraw the request: while it waits for somebody's word."""
    return request.state in (RequestState.REQUESTED, RequestState.APPROVED, RequestState.AWAITING_ACCEPTANCE)


def can_be_revoked(token: SoftwareToken) -> bool:
    """Whether the token was handed out and is not at its end."""
    return token.state in (TokenState.SEALED, TokenState.ACTIVE, TokenState.ON_HOLD)


def can_be_sent(token: SoftwareToken) -> bool:
    """Whether the token's containers may be mailed (again)."""
    return token.state in (TokenState.SEALED, TokenState.ACTIVE)
