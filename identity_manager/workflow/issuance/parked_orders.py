"""Parked orders: nobody knows whether the CA has issued, and an officer decides what is done.

They look at the CA for what the order's card names (request id, public key), and have it asked again with the
same key, or give it up. Until they do, the order waits; a CA that can be searched is searched meanwhile.
"""

import uuid
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from identity_manager import audit, queue, task_names
from identity_manager.models import Certificate, Person, PersonState, RequestState
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.policy import eligibility

NOT_PARKED = Reason("order-not-parked", _("This order does not wait for an officer any more."))
NOT_WANTED = Reason(
    "order-not-wanted", _("Nobody wants this certificate any more, so the CA is not asked for it again.")
)


def ask_again(*, actor: Person, certificate_id: uuid.UUID) -> Certificate:
    """Send a parked order to its CA again, with the same key. Raises NotAllowed or Stale."""
    with transaction.atomic():
        certificate = _parked(actor, certificate_id)
        refuse(asking_obstacle(certificate), kind=Stale)

        _with_order(certificate, issuing.let_ask_again)
        certificate.work_is_due(timezone.now())
        certificate.save()
        queue.after_commit(task_names.ISSUE, certificate.pk)
        _record(audit.Event.ORDER_ASKED_AGAIN, certificate, actor=actor)
        return certificate


def asking_obstacle(certificate: Certificate) -> Reason | None:
    """Why a parked order cannot be sent again, or None."""
    if Certificate.objects.to_be_issued().filter(pk=certificate.pk).exists():
        return None
    token = certificate.token
    goes_on = token.request.state == RequestState.ISSUING and token.person.state == PersonState.INACTIVE
    return eligibility.ON_LEAVE if goes_on else NOT_WANTED


def give_up(*, actor: Person, certificate_id: uuid.UUID, reason: str) -> Certificate:
    """Give a parked order up: refuse the certificate and fail the request, which can be retried.

    A retry has a new key. A certificate that the CA turns out to have issued is revoked. Raises NotAllowed,
    NotPossible or Stale.
    """
    with transaction.atomic():
        certificate = _parked(actor, certificate_id)
        require(reason.strip(), else_=NO_REASON, field="reason")

        _with_order(certificate, issuing.give_up)
        _record(audit.Event.ORDER_GIVEN_UP, certificate, actor=actor, reason=reason.strip())
        failures.refuse(certificate, failures.of_given_up(certificate), said=reason.strip())
        return certificate


def obstacle(certificate: Certificate) -> Reason | None:
    """Why the certificate's order needs no decision, or None."""
    return None if certificate.is_parked else NOT_PARKED


def _parked(actor: Person, certificate_id: uuid.UUID) -> Certificate:
    certificate = locking.certificate(certificate_id)
    administers = eligibility.administers(actor, certificate.token.person)
    require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
    refuse(obstacle(certificate), kind=Stale)
    return certificate


def _with_order(certificate: Certificate, verb: Callable[[uuid.UUID], object]) -> None:
    if certificate.order_id is not None:
        verb(certificate.order_id)


def _record(event: audit.Event, certificate: Certificate, *, actor: Person, **facts: str) -> None:
    order = certificate.order
    audit.record(
        event,
        actor=actor,
        subject=certificate.token,
        certificate=str(certificate.pk),
        public_key=certificate.public_key_sha256,
        order=order.idempotency_key if order else "",
        ca=order.ca if order else "",
        **facts,
    )
