"""Celery adapters: an id becomes a verb. No logic, no retry: the row's next try and the sweep do that."""

import uuid

from celery import shared_task

from ca_bridge import registry
from identity_manager import outbox, vault
from identity_manager.workflow import revoke, side_roads, step5_issue, step6_passphrase, step7_deliver, sweep


@shared_task(name=step5_issue.ISSUE)
def issue_certificate(certificate_id: str) -> None:
    step5_issue.issue(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=step5_issue.SEAL)
def seal_token(token_id: str) -> None:
    step6_passphrase.seal(token_id=uuid.UUID(token_id))


@shared_task(name=step5_issue.CLEAR_UP)
def clear_up_certificate(certificate_id: str) -> None:
    step5_issue.clear_up(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=revoke.REVOKE)
def revoke_certificate(certificate_id: str) -> None:
    revoke.carry_out(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=outbox.SEND)
def send_mail(mail_id: str) -> None:
    step7_deliver.send(mail_id=uuid.UUID(mail_id))


@shared_task(name="queue.sweep")
def sweep_due_rows() -> None:
    sweep.sweep()


@shared_task(name="road.lapse_overdue")
def lapse_overdue() -> None:
    side_roads.lapse_overdue()


@shared_task(name="ca.revoke_surplus")
def revoke_surplus() -> None:
    sweep.revoke_surplus()


@shared_task(name="vault.erase_traces")
def erase_traces() -> None:
    vault.erase_traces()


@shared_task(name="ca.renew_crls")
def renew_crls() -> None:
    registry.renew_crls()
