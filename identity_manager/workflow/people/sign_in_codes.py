"""One-time sign-in codes: for a first sign-in, and for a forgotten password (docs/how-to/first-sign-in.md).

A code is asked for, confirmed by a second officer if needed, made (and shown once), and exchanged for a
password. The verbs stand here and not with those on persons, because a new code lets tokens lapse.
"""

import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import account_messages
from identity_manager.models import Account, EndReason, Person, SignInCode
from identity_manager.models.identifiers import REFERENCE_ALPHABET
from identity_manager.models.people.sign_in_code import oldest
from identity_manager.people import registration_policy
from identity_manager.people.sign_in import attempts, second_factors, sessions
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow.people import sign_in_code_policy
from identity_manager.workflow.people.sign_in_code_policy import Stage
from identity_manager.workflow.requests import lapse

GROUPS = 4
GROUP_LENGTH = 5
ENTROPY_BITS = GROUPS * GROUP_LENGTH * 5  # 32 symbols are 5 bits each
MOST_COUNTED = 30_000  # the column holds no more
CODE_SALT = "identity_manager.sign-in-code"
OPEN = (Stage.WAITING, Stage.READY, Stage.MADE)


def ask(
    *,
    actor: Person,
    person_id: uuid.UUID,
    resets_second_factors: bool = False,
    unless_made_since: datetime | None = None,
) -> SignInCode:
    """Ask for a code for the person; an older one is withdrawn. Raises NotAllowed, NotPossible or Stale.

    Where the person has lost their second factors, the code removes them when it is used.

    Asked twice by the same officer, it is the same code as long as it is not made. unless_made_since: the
    moment at which the officer chose the person; a code that was made later is not withdrawn.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(sign_in_code_policy.officer_obstacle(actor, person), kind=NotAllowed)
        refuse(sign_in_code_policy.person_obstacle(person))
        refuse(_made_since(person, unless_made_since), kind=Stale)

        confirmation = sign_in_code_policy.needs_confirmation(person)
        same = SignInCode.objects.filter(
            person=person,
            asked_by=actor,
            asked_at__gt=oldest(timezone.now()),
            needs_confirmation=confirmation,
            resets_second_factors=resets_second_factors,
            made_at=None,
            withdrawn_at=None,
        ).first()
        if same is not None:
            return same
        withdrawn = _withdraw_open(person)
        code = SignInCode.objects.create(
            person=person,
            asked_by=actor,
            needs_confirmation=confirmation,
            resets_second_factors=resets_second_factors,
        )
        audit.record(
            audit.Event.SIGN_IN_CODE_ASKED,
            actor=actor,
            subject=person,
            needs_confirmation=confirmation,
            resets_second_factors=resets_second_factors,
            older_withdrawn=withdrawn,
        )
        return code


def confirm(*, actor: Person, code_id: uuid.UUID) -> SignInCode:
    """Confirm a code that was asked for, by a second Registration Officer.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        is_ready = sign_in_code_policy.stage_of(code) == Stage.READY
        not_waiting = sign_in_code_policy.NO_CONFIRMATION_NEEDED if is_ready else sign_in_code_policy.NOT_OPEN
        refuse(sign_in_code_policy.second_officer_obstacle(actor, code), kind=NotAllowed)
        refuse(sign_in_code_policy.person_obstacle(code.person))
        second_officer.require(actor, code, reasons=sign_in_code_policy.REASONS, not_waiting=not_waiting)

        code.decided_by = actor
        code.decided_at = timezone.now()
        code.save()
        audit.record(audit.Event.SIGN_IN_CODE_CONFIRMED, actor=actor, subject=code.person)
        return code


def withdrawal_obstacle(code: SignInCode) -> Reason | None:
    """Why the sign-in code cannot be withdrawn, or None."""
    return None if sign_in_code_policy.stage_of(code) in OPEN else sign_in_code_policy.NOT_OPEN


def withdraw(*, actor: Person, code_id: uuid.UUID) -> SignInCode:
    """Withdraw or reject a code, by a Registration Officer. Raises NotAllowed or Stale."""
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        allowed = registration_policy.registers(actor, code.person)
        require(allowed, else_=registration_policy.NOT_REGISTRATION_OFFICER, kind=NotAllowed)
        refuse(sign_in_code_policy.OWN_CODE if actor.pk == code.person_id else None, kind=NotAllowed)
        refuse(withdrawal_obstacle(code), kind=Stale)

        code.withdrawn_at = timezone.now()
        code.save()
        audit.record(audit.Event.SIGN_IN_CODE_WITHDRAWN, actor=actor, subject=code.person)
        return code


def withdraw_open(person: Person, *, actor: Person | None) -> None:
    """Withdraw the open codes of a person whose row is locked, in the caller's transaction."""
    if _withdraw_open(person):
        audit.record(audit.Event.SIGN_IN_CODE_WITHDRAWN, actor=actor, subject=person)


def make(*, actor: Person, code_id: uuid.UUID) -> str:
    """Make the code and return it once: only its hash is stored. A mail tells the person.

    Destroys the person's unacknowledged passphrases, and lets their tokens lapse, so that the code opens
    none. Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        code = locking.sign_in_code(code_id)
        refuse(sign_in_code_policy.officer_obstacle(actor, code.person), kind=NotAllowed)
        require(code.asked_by_id == actor.pk, else_=sign_in_code_policy.NOT_ASKER, kind=NotAllowed)
        refuse(sign_in_code_policy.person_obstacle(code.person))
        stage = sign_in_code_policy.stage_of(code)
        refuse(sign_in_code_policy.NOT_CONFIRMED if stage == Stage.WAITING else None, kind=Stale)
        require(stage == Stage.READY, else_=sign_in_code_policy.NOT_OPEN, kind=Stale)

        _end_tokens(code.person, actor=actor)
        return _make(code, actor=actor)


def establish(*, person_id: uuid.UUID) -> str:
    """Make a code for a first officer, by the operator of the machine; return it once.

    It is marked as needing a confirmation, as every officer's code, but nobody exists yet to give it. Raises
    NotPossible.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(sign_in_code_policy.person_obstacle(person))
        return _make(SignInCode(person=person, asked_by=None, needs_confirmation=True), actor=None)


def _make(code: SignInCode, *, actor: Person | None) -> str:
    secret = generate()
    code.made_at = timezone.now()
    code.expires_at = code.made_at + timedelta(days=settings.SIGN_IN_CODE_DAYS)
    code.code_hash = _digest(code, secret)
    code.save()
    if code.person.email:
        outbox.enqueue(account_messages.sign_in_code_made(code.person, code_id=str(code.pk)))
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
    # Hash in any case, and before any lock: the answer takes the same time, and no lock is held meanwhile.
    encoded = make_password(new_password)
    with transaction.atomic():
        account = _redeem(name, code, encoded)
    if account is None:
        raise NotPossible(sign_in_code_policy.NOT_ACCEPTED)
    return account


def generate() -> str:
    """Return a new code: groups of unambiguous capital letters and digits, ENTROPY_BITS strong."""
    groups = ("".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def _made_since(person: Person, moment: datetime | None) -> Reason | None:
    """Why the person gets no other code: one was made since the moment; or None."""
    made = moment is not None and person.sign_in_codes.filter(made_at__gt=moment, withdrawn_at=None).exists()
    return sign_in_code_policy.MADE_MEANWHILE if made else None


def _withdraw_open(person: Person) -> int:
    return person.sign_in_codes.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=timezone.now())


def _redeem(name: str, typed: str, encoded_password: str) -> Account | None:
    code = _usable_code_of(name)
    if code is None or not constant_time_compare(code.code_hash, _digest(code, typed)):
        _count_failure(code, name)
        return None
    code.used_at = timezone.now()
    code.save()
    _end_tokens(code.person, actor=code.person)  # sealed since it was made
    account = _account_with(code.person, encoded_password)
    sessions.end_locked(account)
    if code.resets_second_factors:
        second_factors.reset_locked(account, actor=code.asked_by)
    outbox.enqueue(account_messages.password_set(code.person))
    audit.record(audit.Event.SIGN_IN_CODE_USED, actor=code.person, subject=code.person)
    audit.record(audit.Event.PASSWORD_SET, actor=code.person, subject=code.person)
    return account


def _end_tokens(person: Person, *, actor: Person) -> None:
    """Let the person's tokens with unacknowledged passphrase lapse, so that the code opens none of them."""
    for token in sign_in_code_policy.ends_with_a_new_code(person):
        lapse.lapse_locked_token(locking.token(token.pk), actor=actor, reason=EndReason.NEW_CODE)


def _usable_code_of(name: str) -> SignInCode | None:
    """Lock and return the code that the person of this name can use now; None for any reason."""
    person = attempts.person_of(name)
    found = SignInCode.objects.usable(timezone.now()).filter(person=person).first() if person else None
    code = locking.sign_in_code(found.pk) if found else None
    if code is None or sign_in_code_policy.person_obstacle(code.person) is not None:
        return None
    return code if sign_in_code_policy.stage_of(code) == Stage.MADE else None


def _count_failure(code: SignInCode | None, name: str) -> None:
    """Count a failed try, for officers to see.

    It does not end the code: ENTROPY_BITS cannot be guessed, and a stranger could destroy codes.
    """
    if code is not None:
        code.failed_attempts = min(code.failed_attempts + 1, MOST_COUNTED)
        code.save(update_fields=["failed_attempts"])
    attempts.record_failure(typed_name=name, method="code")


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
    """HMAC of the typed code, keyed for this row; hyphens, spaces and case do not matter."""
    symbols = "".join(symbol for symbol in typed.upper() if symbol.isalnum())
    return salted_hmac(CODE_SALT, f"{code.pk}:{symbols}", algorithm="sha256").hexdigest()
