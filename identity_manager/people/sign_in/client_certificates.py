"""Sign-in by a client certificate: the person is that of the issued certificate's row, never its subject."""

import hashlib
import logging
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509 import client_authentication
from identity_manager import audit
from identity_manager.models import Account, Certificate
from identity_manager.people.sign_in import attempts
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Refused, require

logger = logging.getLogger(__name__)

NONE_SHOWN = Reason(
    "certificate-none",
    _("Your browser showed no certificate. Import your software token there, then try again."),
)
NOT_ACCEPTED = Reason("certificate-not-accepted", _("This certificate does not sign in here."))
NOT_USABLE = Reason(
    "certificate-not-usable", _("This certificate is revoked, on hold or has ended, so it does not sign in.")
)
NO_ACCOUNT = Reason(
    "certificate-no-account",
    _("Nobody can sign in with this certificate now: there is no open account behind it."),
)


def recognise(der: bytes, *, trusted: Sequence[bytes]) -> Certificate:
    """The issued certificate that was shown. Raises Refused.

    trusted: DER of the CAs whose certificates sign in. The proxy has verified it too; nobody relies on that.
    """
    if faults := client_authentication.faults(der, trusted):
        logger.warning("A client certificate was not accepted: %s.", "; ".join(faults)[:500])
        raise Refused(NOT_ACCEPTED)
    digest = hashlib.sha256(der).hexdigest()
    row = Certificate.objects.filter(fingerprint_sha256=digest).select_related("token").first()
    if row is None:
        raise Refused(NOT_ACCEPTED)
    require(row.authenticates(timezone.now()), else_=NOT_USABLE)
    return row


def sign_in(*, certificate_id: uuid.UUID) -> Account:
    """The account of the certificate's person. Raises Refused where it may not sign in any more."""
    with transaction.atomic():
        shown = Certificate.objects.select_related("token").filter(pk=certificate_id)
        found = shown.first()
        if found is None:
            raise Refused(NOT_USABLE)
        person = locking.person(found.token.person_id)
        require(shown.get().authenticates(timezone.now()), else_=NOT_USABLE)
        account = Account.objects.select_related("person").filter(person=person).first()
        if account is None or account.is_break_glass or not attempts.may_sign_in(account):
            raise Refused(NO_ACCOUNT)
        return account


def record_refusal(*, code: str) -> None:
    """Audit a refused sign-in by certificate."""
    audit.record(audit.Event.SIGN_IN_FAILED, actor=None, subject=None, method="certificate", reason=code)
