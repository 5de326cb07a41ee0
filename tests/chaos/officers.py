"""What officers do after the fire: they try again what was refused for good, and leave some of it parked."""

from django.utils import timezone

from ca_bridge.models import CaOrder
from ca_bridge.orders import reconciliation
from identity_manager.jobs import ca_scans
from identity_manager.models import (
    AuditEvent,
    Certificate,
    MailState,
    OutgoingMail,
    RequestState,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.delivery import outbox_actions
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.revocation import crl_listing
from tests.chaos.travellers import Desk

LEFT_ALONE = 2  # of so many failed requests one stays as it is


def clear_the_desk(desk: Desk) -> None:
    """Each mail that was refused goes out again; every second failed request is tried again, once."""
    refused = OutgoingMail.objects.in_trouble().values_list("pk", flat=True)
    outbox_actions.retry_many(actor=desk.ada, mail_ids=list(refused))
    retried = AuditEvent.objects.filter(name="request.retried").values("request")
    failed = TokenRequest.objects.filter(state=RequestState.FAILED).exclude(pk__in=retried)
    for pk in failed.values_list("pk", flat=True):
        if pk.int % LEFT_ALONE == 0:
            try:
                retry.retry(actor=desk.ada, request_id=pk)
            except Refused:
                continue


def something_is_left() -> bool:
    """Whether workers, or persons, still have something to do that no officer has to decide."""
    waiting = Certificate.objects.to_be_issued().exclude(order__parked_at__isnull=False)
    return (
        waiting.exists()
        or Certificate.objects.filter(leased_until__gt=timezone.now()).exists()
        or Certificate.objects.with_orphaned_order().exists()
        or Certificate.objects.to_be_revoked().exists()
        or SoftwareToken.objects.to_be_sealed().exists()
        or SoftwareToken.objects.superseded(timezone.now()).exists()
        or SoftwareToken.objects.filter(state="sealed", acknowledged_at=None).exists()
        or OutgoingMail.objects.filter(state=MailState.QUEUED).exists()
        or TokenRequest.objects.filter(state__in=("requested", "awaiting_acceptance")).exists()
    )


def reconcile() -> None:
    """What the jobs do within hours, now: compare each doubtful order, revoke what is surplus, read CRLs."""
    for pk in CaOrder.objects.filter(compare_at__isnull=False).values_list("pk", flat=True):
        reconciliation.compare(pk)
    while ca_scans.revoke_surplus():
        pass
    crl_listing.CrlLookup().look_up(list(crl_listing.to_be_looked_up().values_list("pk", flat=True)))
