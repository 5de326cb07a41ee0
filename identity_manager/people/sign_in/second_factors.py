"""Verbs on second factors: authenticator app, passkeys, recovery codes.

Rows and verification are allauth's; the verbs are ours, so that each change is locked, audited and reported
by mail. The app's secret and the recovery seed are wrapped by the vault.
"""

import base64
import uuid
from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import account_messages
from identity_manager.models import Account, Person
from identity_manager.people.sign_in import sessions
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotPossible, Reason, Stale, refuse, require
from identity_manager.vault import wrapping as vault
from identity_manager.vault.wrapping import Purpose, VaultError

Kind = Authenticator.Type
# Recovery codes alone do not count: they replace one of these.
FACTORS = (Kind.TOTP, Kind.WEBAUTHN)
MOST_PASSKEYS = 10
LONGEST_NAME = 60

HAS_APP = Reason(
    "has-app", _("An authenticator app is set up already. Remove it first to set up another one.")
)
NO_SUCH_FACTOR = Reason("no-such-factor", _("This second factor was removed meanwhile."))
TOO_MANY_PASSKEYS = Reason(
    "too-many-passkeys", _("More than ten passkeys are not possible. Remove one that you no longer use.")
)
CODES_REPLACED = Reason("codes-replaced", _("These codes were replaced or used meanwhile. Make new ones."))
KNOWN_PASSKEY = Reason("known-passkey", _("This passkey is added already."))
NO_FACTOR_YET = Reason(
    "no-factor-yet", _("Recovery codes stand in for a second factor. Set up an app or a passkey first.")
)
AN_APP = _("an authenticator app")


def has_one(account: Account) -> bool:
    """Whether the account has a second factor."""
    return of(account, *FACTORS).exists()


def person_has_one(person: Person) -> bool:
    """As has_one, for the person's account, if any."""
    account = Account.objects.filter(person=person).first()
    return account is not None and has_one(account)


def of(account: Account, *kinds: str) -> "QuerySet[Authenticator]":
    """The account's rows of these kinds, oldest first."""
    rows: QuerySet[Authenticator] = Authenticator.objects.filter(user_id=account.pk, type__in=kinds)
    return rows.order_by("created_at", "pk")


# --- Secrets ---------------------------------------------------------------------------------------
def wrap(secret: str, *, account: Account) -> str:
    """The secret as stored, bound to the account (AAD)."""
    wrapped = vault.wrap(secret.encode("ascii"), purpose=Purpose.OTHER, record=account.pk)
    return f"{account.pk}:{base64.b64encode(wrapped).decode('ascii')}"


def unwrap(text: str) -> str:
    """The secret of a row. Raises VaultError where it was moved or changed; see belongs_to."""
    record, _colon, wrapped = text.partition(":")
    try:
        content, owner = base64.b64decode(wrapped, validate=True), uuid.UUID(record)
    except ValueError:
        raise VaultError("A second factor is not wrapped.") from None
    return vault.unwrap(content, purpose=Purpose.OTHER, record=owner).decode("ascii")


def belongs_to(row: Authenticator, account: Account) -> bool:
    """Whether the secret was wrapped for this account, not copied from another row."""
    text: str = row.data.get("secret") or row.data.get("seed") or ""
    return row.type == Kind.WEBAUTHN or text.startswith(f"{account.pk}:")


# --- Verbs -----------------------------------------------------------------------------------------
def add_app(*, actor: Person, secret: str) -> Authenticator:
    """Add an authenticator app after its first right code. Raises Stale."""
    with transaction.atomic():
        account = _locked(actor)
        refuse(HAS_APP if of(account, Kind.TOTP).exists() else None, kind=Stale)

        row: Authenticator = Authenticator.objects.create(
            user=account, type=Kind.TOTP, data={"secret": wrap(secret, account=account)}
        )
        _tell_added(account, AN_APP)
        audit.record(audit.Event.SECOND_FACTOR_ADDED, actor=actor, subject=account.person, kind="app")
        return row


def add_passkey(*, actor: Person, name: str, credential: dict[str, Any], credential_id: bytes) -> None:
    """Add a passkey after its verified registration. Raises NotPossible or Stale."""
    with transaction.atomic():
        account = _locked(actor)
        rows = list(of(account, Kind.WEBAUTHN))
        refuse(TOO_MANY_PASSKEYS if len(rows) >= MOST_PASSKEYS else None)
        known = [row.wrap().authenticator_data.credential_data.credential_id for row in rows]
        refuse(KNOWN_PASSKEY if credential_id in known else None, kind=Stale)

        data = {"name": name, "credential": credential}
        Authenticator.objects.create(user=account, type=Kind.WEBAUTHN, data=data)
        _tell_added(account, _passkey(name))
        audit.record(audit.Event.SECOND_FACTOR_ADDED, actor=actor, subject=account.person, kind="passkey")


def rename_passkey(*, actor: Person, row_id: int, name: str) -> None:
    """Rename a passkey for its owner. Raises Stale where it is gone."""
    with transaction.atomic():
        row = _own(_locked(actor), row_id)

        row.data["name"] = name
        row.save(update_fields=["data"])
        audit.record(audit.Event.SECOND_FACTOR_RENAMED, actor=actor, subject=actor)


def remove(*, actor: Person, row_id: int) -> None:
    """Remove an app or passkey; with the last one also the recovery codes. Raises Stale."""
    with transaction.atomic():
        account = _locked(actor)
        row = _own(account, row_id)

        row.delete()
        if not has_one(account):
            of(account, Kind.RECOVERY_CODES).delete()
        kind, words = ("app", AN_APP) if row.type == Kind.TOTP else ("passkey", _passkey(row.wrap().name))
        outbox.enqueue(account_messages.second_factor_removed(account.person, factor=words))
        audit.record(audit.Event.SECOND_FACTOR_REMOVED, actor=actor, subject=account.person, kind=kind)


def make_recovery_codes(*, actor: Person) -> list[str]:
    """Make new recovery codes and return them once; older ones become invalid."""
    with transaction.atomic():
        account = _locked(actor)
        require(has_one(account), else_=NO_FACTOR_YET, kind=NotPossible)

        of(account, Kind.RECOVERY_CODES).delete()
        seed = wrap(RecoveryCodes.generate_seed(), account=account)
        row = Authenticator.objects.create(
            user=account, type=Kind.RECOVERY_CODES, data={"seed": seed, "used_mask": 0}
        )
        outbox.enqueue(account_messages.recovery_codes_made(account.person))
        audit.record(audit.Event.RECOVERY_CODES_MADE, actor=actor, subject=account.person)
        codes: list[str] = row.wrap().generate_codes()
        return codes


def unused_recovery_codes(account: Account) -> int | None:
    """Number of unused codes; None where none were made."""
    row = of(account, Kind.RECOVERY_CODES).first()
    return len(row.wrap().get_unused_codes()) if row and belongs_to(row, account) else None


def are_recovery_codes(account: Account, codes: Sequence[str]) -> bool:
    """Whether these are exactly the account's unused codes."""
    row = of(account, Kind.RECOVERY_CODES).first()
    if row is None or not belongs_to(row, account):
        return False
    unused: list[str] = row.wrap().get_unused_codes()
    return constant_time_compare("|".join(code.replace("-", "") for code in codes), "|".join(unused))


def record_use(*, account: Account, row: Authenticator) -> None:
    """Audit the use of a factor; a recovery code is also reported by mail."""
    if row.type != Kind.RECOVERY_CODES:
        return
    left = unused_recovery_codes(account) or 0
    with transaction.atomic():
        outbox.enqueue(account_messages.recovery_code_used(account.person, left=left))
        audit.record(audit.Event.RECOVERY_CODE_USED, actor=account.person, subject=account.person, left=left)


def record_failure(*, account: Account) -> None:
    """Audit a failed second step."""
    person = account.person
    audit.record(audit.Event.SIGN_IN_FAILED, actor=None, subject=person, method="second-factor")


def reset_locked(account: Account, *, actor: Person | None) -> int:
    """Remove all second factors of an account whose person the caller has locked, and end its sessions.

    Returns how many there were.
    """
    rows = of(account, *Kind.values)
    removed = rows.filter(type__in=FACTORS).count()
    rows.delete()
    sessions.end_locked(account)
    outbox.enqueue(account_messages.second_factors_reset(account.person))
    audit.record(audit.Event.SECOND_FACTORS_RESET, actor=actor, subject=account.person, removed=removed)
    return removed


def reset(*, person_id: uuid.UUID) -> int:
    """As reset_locked, by the operator of the machine. Raises Account.DoesNotExist."""
    with transaction.atomic():
        person = locking.person(person_id)
        return reset_locked(Account.objects.select_related("person").get(person=person), actor=None)


def _locked(actor: Person) -> Account:
    """The actor's account, with the person locked, so that a double click sees the first one's result."""
    person = locking.person(actor.pk)
    account = Account.objects.get(person=person)
    account.person = person
    return account


def _own(account: Account, row_id: int) -> Authenticator:
    row = of(account, *FACTORS).filter(pk=row_id).first()
    if row is None:
        raise Stale(NO_SUCH_FACTOR)
    return row


def _tell_added(account: Account, words: str | Promise) -> None:
    outbox.enqueue(account_messages.second_factor_added(account.person, factor=words))


def _passkey(name: str) -> Promise:
    return format_lazy(_("the passkey “{name}”"), name=name)
