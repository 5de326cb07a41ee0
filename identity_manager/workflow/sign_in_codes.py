"""One-time sign-in codes: for a first sign-in, and for a forgotten password (SPEC.md 2).

A code is asked for, confirmed by a second officer where that is needed, made (and shown this once) and
redeemed for a password. The verbs are here and not with those on persons, because a new code ends tokens.
"""

import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, outbox
from identity_manager.mail import messages
from identity_manager.models import (
    OFFICER_ROLES,
    Account,
    Person,
    Role,
    SignInCode,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.identifiers import REFERENCE_ALPHABET
from identity_manager.people import signing_in
from identity_manager.workflow import locking, policy, side_roads
from identity_manager.workflow.errors import NotAllowed, NotPossible, Reason, Stale, refuse

GROUPS = 4
GROUP_LENGTH = 5
ENTROPY_BITS = GROUPS * GROUP_LENGTH * 5  # 32 symbols are 5 bits each
MOST_FAILURES = 5
CODE_SALT = "identity_manager.sign-in-code"

NOT_OFFICER = Reason(
    "not-registration-officer", _("Only a Registration Officer of this organisational unit can do this.")
)
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
NOT_OPEN = Reason(
    "code-not-open", _("This code was made, used or withdrawn meanwhile. Ask for a new one if it is needed.")
)
NOT_ACCEPTED = Reason(
    "code-not-accepted",
    _("These do not fit together, or the code was used, replaced or is too old. Ask for a new code."),
)
NEW_CODE = _("A new sign-in code was made for the person.")


def obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this actor cannot make a sign-in code for this person, or None."""
    return _officer_obstacle(actor, person) or _person_obstacle(person)


def is_officer_for(actor: Person, person: Person) -> bool:
    """Whether the actor is a Registration Officer for the person's organisational unit."""
    return actor.is_active and actor.has_role(Role.REGISTRATION_OFFICER, unit=person.organisational_unit)


def needs_confirmation(person: Person) -> bool:
    """Whether a second officer confirms: who has signed in before, or holds an officer role."""
    signed_in_before = Account.objects.filter(person=person).exclude(last_login=None).exists()
    return signed_in_before or person.roles.filter(role__in=OFFICER_ROLES).exists()


def confirmable_by(officer: Person) -> QuerySet[SignInCode]:
    """The codes that wait for this officer's confirmation, oldest first."""
    offices = [held for held in officer.roles.all() if held.role == Role.REGISTRATION_OFFICER]
    units = {held.organisational_unit for held in offices}
    rows = SignInCode.objects.awaiting_confirmation().filter(asked_at__gt=_oldest(timezone.now()))
    if "" not in units:
        rows = rows.filter(person__organisational_unit__in=units)
    return rows.exclude(Q(asked_by=officer) | Q(person=officer)).order_by("asked_at")


def makeable_by(officer: Person) -> QuerySet[SignInCode]:
    """The codes that this officer asked for and can make now, oldest first."""
    rows = SignInCode.objects.filter(
        Q(needs_confirmation=False) | Q(confirmed_by__isnull=False),
        asked_by=officer,
        asked_at__gt=_oldest(timezone.now()),
        made_at=None,
        withdrawn_at=None,
    )
    return rows.order_by("asked_at")


def ends_with_a_new_code(person: Person) -> QuerySet[SoftwareToken]:
    """The person's tokens whose passphrase nobody noted yet: a new code lets them lapse."""
    tokens = SoftwareToken.objects.with_unacknowledged_passphrase().filter(person=person)
    return tokens.filter(state=TokenState.SEALED).order_by("request_id", "pk")


def ask(*, actor: Person, person_id: uuid.UUID) -> SignInCode:
    """Ask for a code for the person; an older one is withdrawn. Raises NotAllowed or NotPossible.

    Asked twice by the same officer, it is the same code as long as it is not made.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(_officer_obstacle(actor, person), kind=NotAllowed)
        refuse(_person_obstacle(person))

        confirmation = needs_confirmation(person)
        same = SignInCode.objects.filter(
            person=person,
            asked_by=actor,
            asked_at__gt=_oldest(timezone.now()),
            needs_confirmation=confirmation,
            made_at=None,
            withdrawn_at=None,
        ).first()
        if same is not None:
            return same
        _withdraw_open(person)
        code = SignInCode.objects.create(person=person, asked_by=actor, needs_confirmation=confirmation)
        audit.record(
            audit.Event.SIGN_IN_CODE_ASKED, actor=actor, subject=person, needs_confirmation=confirmation
        )
        return code


def confirm(*, actor: Person, code_id: uuid.UUID) -> SignInCode:
    """A second Registration Officer says yes. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        refuse(_second_officer_obstacle(actor, code), kind=NotAllowed)
        refuse(_person_obstacle(code.person))
        refuse(None if _is_waiting(code) else NOT_OPEN, kind=Stale)
        waits = code.needs_confirmation and code.confirmed_by_id is None
        refuse(None if waits else NO_CONFIRMATION_NEEDED, kind=Stale)

        code.confirmed_by = actor
        code.confirmed_at = timezone.now()
        code.save()
        audit.record(audit.Event.SIGN_IN_CODE_CONFIRMED, actor=actor, subject=code.person)
        return code


def withdraw(*, actor: Person, code_id: uuid.UUID) -> SignInCode:
    """A Registration Officer takes a code back, or does not confirm it. Raises NotAllowed or Stale."""
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        refuse(None if is_officer_for(actor, code.person) else NOT_OFFICER, kind=NotAllowed)
        refuse(OWN_CODE if actor.pk == code.person_id else None, kind=NotAllowed)
        refuse(None if code.used_at is None and code.withdrawn_at is None else NOT_OPEN, kind=Stale)

        code.withdrawn_at = timezone.now()
        code.save()
        audit.record(audit.Event.SIGN_IN_CODE_WITHDRAWN, actor=actor, subject=code.person)
        return code


def make(*, actor: Person, code_id: uuid.UUID) -> str:
    """Make the code and return it, this once: only its hash is kept. The person is told by mail.

    The person's passphrases that nobody noted are destroyed and their tokens lapse, so that the code
    does not open them. Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        refuse(_officer_obstacle(actor, code.person), kind=NotAllowed)
        refuse(None if code.asked_by_id == actor.pk else NOT_ASKER, kind=NotAllowed)
        refuse(_person_obstacle(code.person))
        refuse(None if _is_waiting(code) else NOT_OPEN, kind=Stale)
        refuse(None if _is_confirmed(code) else NOT_CONFIRMED, kind=Stale)

        secret = generate()
        code.made_at = timezone.now()
        code.expires_at = code.made_at + timedelta(days=settings.SIGN_IN_CODE_DAYS)
        code.code_hash = _digest(code, secret)
        code.save()
        for token in ends_with_a_new_code(code.person):
            side_roads.lapse_locked_token(locking.token(token.pk), actor=actor, reason=str(NEW_CODE))
        if code.person.email:
            outbox.enqueue(messages.sign_in_code_made(code.person, code_id=str(code.pk)))
        audit.record(
            audit.Event.SIGN_IN_CODE_MADE,
            actor=actor,
            subject=code.person,
            expires_at=code.expires_at.isoformat(),
        )
        return secret


def redeem(*, name: str, code: str, new_password: str) -> Account:
    """Exchange a code for a password: the account is created where there is none, and can sign in.

    name is the personnel number or the user name; new_password is validated already. Raises NotPossible,
    with one sentence for whatever does not fit; the failed try is counted all the same.
    """
    # Hashed in any case and before anything is locked: the answer takes the same time, and no lock is held.
    encoded = make_password(new_password)
    with transaction.atomic():
        account = _redeem(name, code, encoded)
    if account is None:
        raise NotPossible(NOT_ACCEPTED)
    return account


def generate() -> str:
    """Return a new code: groups of unambiguous capital letters and digits, ENTROPY_BITS strong."""
    groups = ("".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def _officer_obstacle(actor: Person, person: Person) -> Reason | None:
    if not is_officer_for(actor, person):
        return NOT_OFFICER
    if actor.pk == person.pk:
        return OWN_CODE
    asked_for = TokenRequest.objects.open().filter(person=person, requested_by=actor).exists()
    return REQUESTER if asked_for else None


def _second_officer_obstacle(actor: Person, code: SignInCode) -> Reason | None:
    if not is_officer_for(actor, code.person):
        return NOT_OFFICER
    if actor.pk == code.person_id:
        return OWN_CODE
    return OWN_ASKING if actor.pk == code.asked_by_id else None


def _person_obstacle(person: Person) -> Reason | None:
    if not person.is_active:
        return policy.NOT_ACTIVE[person.state]
    account = Account.objects.filter(person=person).first()
    if account is None:
        taken = Account.objects.filter(username__iexact=person.personnel_number).exists()
        return NAME_TAKEN if taken else None
    return None if account.is_active else ACCOUNT_CLOSED


def _oldest(now: datetime) -> datetime:
    """What was asked for before this moment is too old to be confirmed or made."""
    return now - timedelta(days=settings.SIGN_IN_CODE_DAYS)


def _is_waiting(code: SignInCode) -> bool:
    """Asked for, not too long ago, and not made yet."""
    open_still = code.made_at is None and code.withdrawn_at is None
    return open_still and code.asked_at > _oldest(timezone.now())


def _is_confirmed(code: SignInCode) -> bool:
    """Asked again at this moment: the person may have signed in, or got an office, since the asking."""
    return code.confirmed_by_id is not None or not needs_confirmation(code.person)


def _withdraw_open(person: Person) -> None:
    person.sign_in_codes.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=timezone.now())


def _redeem(name: str, typed: str, encoded_password: str) -> Account | None:
    code = _usable_code_of(name)
    if code is None or not constant_time_compare(code.code_hash, _digest(code, typed)):
        _count_failure(code, name)
        return None
    code.used_at = timezone.now()
    code.save()
    account = _account_with(code.person, encoded_password)
    audit.record(audit.Event.SIGN_IN_CODE_USED, actor=code.person, subject=code.person)
    audit.record(audit.Event.PASSWORD_SET, actor=code.person, subject=code.person)
    return account


def _usable_code_of(name: str) -> SignInCode | None:
    """The code that the person of this name can use now, locked; None for whatever reason there is none."""
    person = signing_in.person_of(name)
    found = SignInCode.objects.usable(timezone.now()).filter(person=person).first() if person else None
    code = locking.sign_in_code(found.pk) if found else None
    if code is None or _person_obstacle(code.person) is not None:
        return None
    return code if code.used_at is None and code.withdrawn_at is None else None


def _count_failure(code: SignInCode | None, name: str) -> None:
    withdrawn = False
    if code is not None:
        code.failed_attempts += 1
        withdrawn = code.failed_attempts >= MOST_FAILURES
        code.withdrawn_at = timezone.now() if withdrawn else None
        code.save()
    signing_in.record_failure(typed_name=name, method="code", locked_out=withdrawn)


def _account_with(person: Person, encoded_password: str) -> Account:
    account = Account.objects.filter(person=person).first()
    created = account is None
    account = account or Account(person=person, username=person.personnel_number)
    account.password = encoded_password
    account.save()
    if created:
        audit.record(audit.Event.ACCOUNT_CREATED, actor=person, subject=person, username=account.username)
    return account


def _digest(code: SignInCode, typed: str) -> str:
    """The keyed hash of what was typed, for this code alone; hyphens, spaces and case do not matter."""
    symbols = "".join(symbol for symbol in typed.upper() if symbol.isalnum())
    return salted_hmac(CODE_SALT, f"{code.pk}:{symbols}", algorithm="sha256").hexdigest()
