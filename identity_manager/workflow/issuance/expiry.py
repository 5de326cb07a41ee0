"""What ends by time alone: a certificate whose time is over, and a token of which none is left.

No CA is asked. Until it has ended a token is one that its person has: they could not ask for another one, and
neither the request nor the audit log would ever be old enough to be forgotten.

What ends before its token is handed out, because another certificate of it was long in coming, is ordered
anew: nobody is given what has ended. Whoever comes to seal the token before this job does it at once. Where
that is so time after time, its request fails, and an officer decides.
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

AT_ONCE = 5000  # of a state; the next run goes on
IN_VAIN = 3  # then an officer has to look; and after as many again, where they have it tried again


def expire_ended() -> int:
    """Let certificates end whose time is over, those first whose time was over first; returns how many."""
    return retry_later.for_each_isolated([pk for state in NOT_ENDED for pk in _over(state)], _expire)


def _over(state: CertificateState) -> QuerySet[Certificate, uuid.UUID]:
    """Of one state at a time: of both, PostgreSQL reads all that ended in years, by their ends alone."""
    rows = Certificate.objects.over(timezone.now(), states=[state]).order_by("not_after", "pk")
    return rows.values_list("pk", flat=True)[:AT_ONCE]


def _expire(certificate_id: uuid.UUID) -> bool:
    with transaction.atomic():
        over = Certificate.objects.over(timezone.now())
        try:
            certificate = locking.certificate(certificate_id, among=over.filter(pk=certificate_id))
        except Certificate.DoesNotExist:  # somebody has revoked it meanwhile, or let it end
            return False
        if certificate.token.state == TokenState.ISSUING:
            order_anew(certificate)
        else:
            revoke.expire(certificate)
            revoke.expire_when_over(certificate.token)
        return True


def order_anew(certificate: Certificate) -> None:
    """One of a locked token that is being issued; whoever seals it at this moment has taken it in vain.

    Where it was issued IN_VAIN times, it is refused instead.
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
