"""Expiry of certificates (notAfter), and of tokens whose certificates have all ended.

No CA is asked. A token that never ended would keep its person from requesting another one, and keep request
and audit events from retention.

A certificate that expires before its token is sealed, because another one of the token was late, is ordered
anew, by this job or by the worker that seals the token. After several times the request fails, and an officer
decides.
"""

import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ca_bridge.models import CaOrder
from identity_manager import queue, task_names
from identity_manager.models import Certificate, CertificateState, TokenState
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.revocation import revoke

AT_ONCE = 5000  # certificates of a state per run
IN_VAIN = 3  # certificates issued in vain after which the request fails; again after as many retries


def expire_ended() -> int:
    """Job: expire certificates whose notAfter has passed, the oldest first; return how many."""
    return retry_later.for_each_isolated([pk for state in NOT_ENDED for pk in _over(state)], _expire)


def _over(state: CertificateState) -> QuerySet[Certificate, uuid.UUID]:
    """Certificates of one state whose notAfter has passed.

    One state at a time: for two, PostgreSQL would scan all ended certificates by notAfter alone.
    """
    rows = Certificate.objects.over(timezone.now(), states=[state]).order_by("not_after", "pk")
    return rows.values_list("pk", flat=True)[:AT_ONCE]


def _expire(certificate_id: uuid.UUID) -> bool:
    with transaction.atomic():
        over = Certificate.objects.over(timezone.now())
        try:
            certificate = locking.certificate(certificate_id, among=over.filter(pk=certificate_id))
        except Certificate.DoesNotExist:  # revoked or expired meanwhile
            return False
        if certificate.token.state == TokenState.ISSUING:
            order_anew(certificate)
        else:
            revoke.expire(certificate)
            revoke.expire_when_over(certificate.token)
        return True


def order_anew(certificate: Certificate) -> None:
    """Order anew an ended certificate of a locked token that is being issued; void a claim to seal it.

    After every IN_VAIN-th certificate it is refused instead.
    """
    certificate.token.settle_lease()
    certificate.token.save()
    revoke.tell_of_end(certificate)
    certificate.order_anew(now=timezone.now())
    certificate.save()
    times = CaOrder.objects.issued_of(certificate.order_keys).count()
    if times % IN_VAIN == 0:
        failures.refuse(certificate, failures.of_ending(certificate, times=times))
    else:
        queue.after_commit(task_names.ISSUE, certificate.pk)
