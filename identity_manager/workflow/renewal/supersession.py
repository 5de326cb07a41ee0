"""The end of a renewed token: some days after its successor works, it is replaced.

Certificates that sign or authenticate are revoked then (superseded, RFC 5280 5.3.1); those that only encrypt
stay valid until their own date, because mail under them is still on its way. So do those whose like the
successor lacks, because an officer had the rest issued alone.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import Certificate, CertificatePurpose, SoftwareToken, TokenState
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import planning

AT_ONCE = 1000  # the next run goes on


def replace_superseded() -> int:
    """Replace the tokens whose successors have worked for long enough; returns how many."""
    rows = SoftwareToken.objects.superseded(timezone.now()).order_by().values_list("pk", flat=True)
    return retry_later.for_each_isolated(list(rows[:AT_ONCE]), _replace)


def _replace(token_id: uuid.UUID) -> bool:
    with transaction.atomic():
        token = locking.token(token_id)
        now = timezone.now()
        superseded = SoftwareToken.objects.superseded(now).filter(pk=token_id).first()
        if superseded is None:
            return False
        token.replace(now=now)
        token.save()
        planning.review_later(token.pk)
        works = (TokenState.ACTIVE, TokenState.ON_HOLD, TokenState.REPLACED)
        successor = token.renewals.filter(state__in=works).latest("created_at")
        left_out = successor.certificates.exclude(left_out_at=None).values_list("profile__code", flat=True)
        rows = [row for row in locking.certificates_of(token) if _ends(row)]
        revoke.decide_superseded((row for row in rows if row.profile.code not in left_out), now=now)
        audit.record(audit.Event.TOKEN_REPLACED, actor=None, subject=token, successor=str(successor.pk))
        return True


def _ends(certificate: Certificate) -> bool:
    return certificate.is_living and certificate.profile.purpose != CertificatePurpose.ENCRYPTION
