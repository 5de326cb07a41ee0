"""Policy of one-time sign-in codes: who may ask for, confirm and make one, with reasons."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    OFFICER_ROLES,
    Account,
    Person,
    SignInCode,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.people.sign_in_code import (
    of_who_needs_confirmation,
    oldest,
    person_can_sign_in_condition,
)
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people import registration_policy
from identity_manager.people.identity import identity_change_policy
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions import second_officer
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import eligibility

OWN_CODE = Reason("own-code", _("This is for yourself. Another Registration Officer does it."))
REQUESTER = Reason(
    "requester",
    _("You asked for a software token for this person. Who asks for a token must not hold the sign-in too."),
)
NAME_TAKEN = Reason(
    "name-taken", _("Another account has this person's personnel number as its user name already.")
)
ACCOUNT_CLOSED = Reason("account-closed", _("The account of this person is closed."))
OWN_ASKING = Reason("own-asking", _("You asked for this code. Another Registration Officer confirms it."))
NO_CONFIRMATION_NEEDED = Reason("no-confirmation-needed", _("This code needs no confirmation, or has it."))
NOT_ASKER = Reason("not-asker", _("Somebody else asked for this code. Only they can make it."))
NOT_CONFIRMED = Reason("not-confirmed", _("Another Registration Officer confirms first."))
IDENTITY_WAITS = Reason(
    "code-before-identity",
    _("A second Registration Officer confirms this person's e-mail first: a mail tells them of the code."),
)
NOT_OPEN = Reason(
    "code-not-open", _("This code was made, used or withdrawn meanwhile. Ask for a new one if it is needed.")
)
MADE_MEANWHILE = Reason(
    "code-made-meanwhile", _("A code was made since this person was chosen. Choose them again for a new one.")
)
NOT_ACCEPTED = Reason(
    "code-not-accepted",
    _("These do not fit together, or the code was used, replaced or is too old. Ask for a new code."),
)
REASONS: second_officer.Reasons = {
    Exclusion.OFFICE: registration_policy.NOT_REGISTRATION_OFFICER,
    Exclusion.OWN: OWN_CODE,
    Exclusion.ASKED: OWN_ASKING,
    **vouching_policy.REASONS,
}


class Stage(models.TextChoices):
    """Stages of a code's life."""

    WAITING = "waiting", _("Waits for confirmation")
    READY = "ready", _("Can be made")
    MADE = "made", _("Made")
    USED = "used", _("Used")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")
    OVERTAKEN = "overtaken", _("Overtaken")


def obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot make a sign-in code for this person, or None."""
    return officer_obstacle(actor, person) or person_obstacle(person)


def needs_confirmation(person: Person) -> bool:
    """Whether a second officer confirms: who has signed in before, or holds an officer role."""
    signed_in_before = Account.objects.filter(person=person).exclude(last_login=None).exists()
    return signed_in_before or person.roles.filter(role__in=OFFICER_ROLES).exists()


def makeable_by(officer: Person, now: datetime | None = None) -> QuerySet[SignInCode]:
    """The codes that this officer asked for and can make now, oldest first."""
    asked_for = TokenRequest.objects.open().asked_for_by(officer).filter(person=OuterRef("person"))
    rows = SignInCode.objects.filter(
        Q(needs_confirmation=False) & ~of_who_needs_confirmation() | Q(decided_by__isnull=False),
        person_can_sign_in_condition(),
        officer.reach({SignInCode.DECIDER}, SignInCode.UNIT),
        ~Exists(asked_for),
        asked_by=officer,
        asked_at__gt=oldest(now or timezone.now()),
        made_at=None,
        used_at=None,
        withdrawn_at=None,
    )
    return rows.select_related("person", "decided_by").order_by("asked_at")


def ends_with_a_new_code(person: Person) -> QuerySet[SoftwareToken]:
    """The person's tokens with unacknowledged passphrase, in lock order: a new code lets them lapse."""
    tokens = SoftwareToken.objects.with_unacknowledged_passphrase().filter(person=person)
    return tokens.filter(state__in=(TokenState.SEALED, TokenState.ON_HOLD)).order_by("request_id", "pk")


def stage_of(code: SignInCode) -> Stage:
    """Return the code's stage as of now.

    A code without a second officer is void once the person has signed in or got an officer role, also if it
    was made already: from then on a code for this person needs two officers. In SQL: usable of its model.
    """
    now = timezone.now()
    if code.used_at is not None:
        return Stage.USED
    if code.withdrawn_at is not None:
        return Stage.WITHDRAWN
    if _is_overtaken(code):
        return Stage.OVERTAKEN
    if code.made_at is not None:
        return Stage.MADE if code.expires_at and code.expires_at > now else Stage.EXPIRED
    if code.asked_at <= oldest(now):
        return Stage.EXPIRED
    waits = code.needs_confirmation and code.decided_by_id is None
    return Stage.WAITING if waits else Stage.READY


def _is_overtaken(code: SignInCode) -> bool:
    """Whether the code was asked for without a second officer, and would need one by now."""
    return not code.needs_confirmation and needs_confirmation(code.person)


def officer_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor must not hold a sign-in code for this person, or None."""
    if not registration_policy.registers(actor, person):
        return registration_policy.NOT_REGISTRATION_OFFICER
    if actor.pk == person.pk:
        return OWN_CODE
    asked_for = TokenRequest.objects.open().asked_for_by(actor).filter(person=person)
    return REQUESTER if asked_for.exists() else None


def second_officer_obstacle(actor: Person, code: SignInCode) -> Reason | None:
    """Why this actor cannot confirm the sign-in code, or None (models.second_officer)."""
    return second_officer.obstacle(actor, code, REASONS)


def person_obstacle(person: Person) -> Reason | None:
    """Why this person cannot get a sign-in code from anybody, or None."""
    if person.is_api_client:
        return eligibility.NO_HUMAN
    if not person.is_active:
        return eligibility.NOT_ACTIVE[person.state]
    if not person.email and "email" in identity_change_policy.waiting_fields(person):
        return IDENTITY_WAITS
    account = getattr(person, "account", None)
    if account is None:
        taken = Account.objects.filter(username__iexact=person.personnel_number).exists()
        return NAME_TAKEN if taken else None
    return None if account.is_active else ACCOUNT_CLOSED
