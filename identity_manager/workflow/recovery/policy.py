"""Policy of online recovery: which keys an owner recovers without officers, with reasons.

An online recovery key serves only the authenticated owner, with a second factor that is at least seven days
old. For seven days after a used sign-in code only officers recover. A reset of second factors needs no rule
of its own: factors registered after it are younger than seven days.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.keys import envelopes, recovery_keys, shares
from ca_bridge.x509 import public_smime
from identity_manager.models import (
    Account,
    ArchivedKey,
    ArchivedKeyRecipient,
    Certificate,
    CertificateState,
    OwnerConsent,
    Person,
    Recovery,
    RecoveryCertificate,
    RecoveryKeyKind,
    SignInCode,
)
from identity_manager.people.sign_in import second_factors
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive import key_opening, share_rounds
from identity_manager.workflow.recovery import officers_policy as officers

QUARANTINE = timedelta(days=7)

NO_OLD_FACTOR = Reason(
    "recovery-factor-too-new",
    _("The second factor that was shown has not been registered for seven days."),
    _(
        "To recover keys, show a second factor that you have had for seven days: an authenticator app or a"
        " passkey. If you have none, ask your Software Token Administrator: two Recovery Officers can recover"
        " your keys."
    ),
)
AFTER_CODE = Reason(
    "recovery-after-sign-in-code",
    _("A sign-in code was used within the last seven days, so that officers alone recover."),
    _(
        "You have signed in with a code within the last seven days. Until they are over, ask your Software"
        " Token Administrator: two Recovery Officers can recover your keys."
    ),
)
NOT_THE_OWNER = Reason(
    "recovery-not-the-owner", _("An online recovery key serves only the owner who asked themselves.")
)
NO_KEYS = Reason("recovery-no-keys", _("Select at least one key."))
TOO_MANY_KEYS = Reason("recovery-too-many-keys", _("Select at most 20 keys. You can recover others later."))
UNKNOWN_KEY = Reason(
    "recovery-unknown-key", _("This is not one of your keys, or it cannot be recovered here any more.")
)
UNDER_WAY = Reason(
    "recovery-under-way",
    _("One of these keys is being recovered already."),
    _("One of these keys is being recovered already. Look under Open Tasks and Certificates."),
)
NO_PURPOSE = Reason("recovery-no-purpose", _("Say why you need the keys."))
ONLY_OFFICERS = Reason(
    "recovery-by-officers-alone",
    _("Its recovery key is split among officers, so two Recovery Officers recover it."),
    _("This key is opened by two Recovery Officers. Ask your Software Token Administrator."),
)
MOST_KEYS = 20

# Refusals by the worker, when it is about to open the keys.
CHANGED = Reason(
    "recovery-changed", _("The recovery is not what was asked for: somebody has changed its rows.")
)
KEY_GONE = Reason("archived-key-gone", _("An archived key of this recovery was erased meanwhile."))
OVER = Reason("recovery-over", _("The time of this recovery has ended."))
PERSON_CHANGED = Reason(
    "recovery-person-changed",
    _(
        "The data of the person who gets the keys have changed since the recovery was asked for, so nothing"
        " is opened. It ends on its last day, or an administrator cancels it."
    ),
)
REFUSALS = (
    *(CHANGED, KEY_GONE, OVER, NO_OLD_FACTOR, AFTER_CODE, NOT_THE_OWNER),
    *(key_opening.OUTER_LAYER, key_opening.NO_ONLINE_KEY),
    *(key_opening.ONLINE_KEY_CHANGED, key_opening.ONLINE_KEY_DOES_NOT_OPEN),
    *(key_opening.OFFICERS_KEY_CHANGED, key_opening.SHARES_NOT_FOR_THIS),
    *(officers.NOT_DECIDED, officers.DECISION_NOT_VALID, officers.NO_RECOVERY_KEY),
    *(officers.SHARES_NEEDED, share_rounds.TIME_OVER),
)
_ENVELOPES = (
    *(envelopes.DAMAGED, envelopes.OTHER_RECIPIENT, envelopes.UNKNOWN_ALGORITHM),
    *(envelopes.WRONG_KEY, envelopes.CHANGED, envelopes.OTHER_KEY),
    *(recovery_keys.UNREADABLE, recovery_keys.NOT_SIGNED, recovery_keys.NOT_OPENED),
    *(shares.OTHER_SET, shares.TWICE, shares.TOO_FEW, shares.TOO_MANY, shares.FORGED),
)
# Failure codes of recoveries, with their sentences for officers (issuance/failures.py).
FAILURES = {**{each.code: each.sentence for each in REFUSALS}, **dict(_ENVELOPES)}


def online_obstacle(owner: Person, *, factor: int | None, now: datetime) -> Reason | None:
    """Why this person cannot recover their own keys online with this second factor, or None.

    Read from the database, for the page and again for the worker.
    """
    since = now - QUARANTINE
    if SignInCode.objects.filter(person=owner, used_at__gt=since).exists():
        return AFTER_CODE
    account = Account.objects.filter(person=owner).first()
    if account is None or factor is None:
        return NO_OLD_FACTOR
    registered = second_factors.of(account, *second_factors.FACTORS)
    return None if registered.filter(pk=factor, created_at__lte=since).exists() else NO_OLD_FACTOR


def recoverable(owner: Person) -> list[ArchivedKey]:
    """The owner's archived keys with their certificates, the newest first; without their envelopes."""
    rows = ArchivedKey.objects.of(owner.pk).exclude(certificate=None)
    related = ("certificate__profile", "certificate__token__token_type")
    return list(rows.select_related(*related).order_by("-certificate__not_before", "pk"))


def sealed_online(keys: Iterable[ArchivedKey], *, now: datetime) -> set[uuid.UUID]:
    """The ids of the keys that are sealed for an online recovery key in force."""
    online = RecoveryCertificate.objects.in_force(now).filter(kind=RecoveryKeyKind.ONLINE)
    rows = ArchivedKeyRecipient.objects.filter(key__in=[key.pk for key in keys], certificate__in=online)
    return set(rows.values_list("key_id", flat=True))


def communicated(recovery: Recovery) -> list[Certificate]:
    """Valid certificates of public CAs whose keys another person than the owner gets by this recovery.

    S/MIME BR 6.1.2: they have to be revoked if the subscriber has not authorised it. Empty if the owner has.
    """
    if not recovery.is_for_another or recovery.consent == OwnerConsent.GIVEN:
        return []
    keys = recovery.keys.values("archived_key__certificate")
    rows = Certificate.objects.filter(pk__in=keys).select_related(
        "profile", "token__token_type", "token__person"
    )
    return [
        row for row in rows if row.is_living and row.profile and public_smime.is_public(row.profile.policies)
    ]


def is_for_reading_only(key: ArchivedKey, *, now: datetime | None = None) -> bool:
    """Whether the key's certificate has ended, so that the key only reads old mail."""
    row = key.certificate
    if row is None or row.state != CertificateState.VALID or not row.token.is_in_use:
        return True
    return row.has_ended(now or timezone.now())
