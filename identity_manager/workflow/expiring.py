"""What ends by time alone: a certificate whose time is over, and a token of which none is left.

No CA is asked. Until it has ended a token is one that its person has: they could not ask for another one, and
neither the request nor the audit log would ever be old enough to be forgotten.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager.models import Certificate
from identity_manager.workflow import locking, revoke, unforeseen

AT_ONCE = 5000  # the next run goes on


def expire_ended() -> int:
    """Let certificates of tokens in use end, those first whose time was over first; returns how many."""
    over = Certificate.objects.over(timezone.now()).order_by("not_after", "pk")
    return unforeseen.one_by_one(over.values_list("pk", flat=True)[:AT_ONCE], _expire)


def _expire(certificate_id: uuid.UUID) -> bool:
    with transaction.atomic():
        over = Certificate.objects.over(timezone.now())
        try:
            certificate = locking.certificate(certificate_id, among=over.filter(pk=certificate_id))
        except Certificate.DoesNotExist:  # somebody has revoked it meanwhile, or let it end
            return False
        revoke.expire(certificate)
        revoke.expire_when_over(certificate.token)
        return True
