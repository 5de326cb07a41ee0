"""Celery adapters: an id becomes a verb. No logic, no retry: the row's next try and the sweep do that."""

import uuid

from celery import shared_task

from identity_manager import task_names
from identity_manager.audit import checks as audit_checks
from identity_manager.audit import sealing
from identity_manager.events import delivering, forwarding, waking
from identity_manager.jobs import runner as jobs
from identity_manager.workflow import step5_issue, step6_passphrase, step7_deliver
from identity_manager.workflow.archive import late_intake
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from identity_manager.workflow.people import directory_runs
from identity_manager.workflow.renewal import holder_changes
from identity_manager.workflow.requests import suspension
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.standing_orders import planning as standing_orders
from identity_manager.workflow.targets import planning, serving


@shared_task(name=task_names.ISSUE)
def issue_certificate(certificate_id: str) -> None:
    step5_issue.issue(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=task_names.SEAL)
def seal_token(token_id: str) -> None:
    step6_passphrase.seal(token_id=uuid.UUID(token_id))


@shared_task(name=task_names.ARCHIVE)
def archive_late(token_id: str) -> None:
    late_intake.archive_token(uuid.UUID(token_id))


@shared_task(name=task_names.RESOLVE_ORPHAN)
def resolve_orphaned_order(certificate_id: str) -> None:
    step5_issue.resolve_orphaned_order(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=task_names.HOLD)
def hold_certificate(certificate_id: str) -> None:
    hold.hold_at_ca(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=task_names.REVOKE)
def revoke_certificate(certificate_id: str) -> None:
    revoke.revoke_at_ca(certificate_id=uuid.UUID(certificate_id))


@shared_task(name=task_names.DETECT_PERSON_CHANGES)
def notice_changes(person_id: str) -> None:
    suspension.check_requests_of(person_id=uuid.UUID(person_id))
    holder_changes.check(person_id=uuid.UUID(person_id))


@shared_task(name=task_names.SEND_MAIL)
def send_mail(*mail_ids: str) -> None:
    step7_deliver.send_all(map(uuid.UUID, mail_ids))


@shared_task(name=task_names.RUN_BATCH_ORDER)
def run_batch_order(order_id: str) -> None:
    batch_run.run(order_id=uuid.UUID(order_id))


@shared_task(name=task_names.RUN_BATCH_SHARD)
def run_batch_shard(shard_id: str) -> None:
    batch_shards.run(shard_id=uuid.UUID(shard_id))


@shared_task(
    name=task_names.READ_DIRECTORY,
    soft_time_limit=directory_runs.READING_SECONDS,
    time_limit=directory_runs.READING_SECONDS + 60,
)
def read_directory(source_id: str) -> None:
    directory_runs.run(source_id=uuid.UUID(source_id))


@shared_task(name=task_names.SERVE_TARGET)
def serve_target(target_id: str) -> None:
    serving.serve(target_id=uuid.UUID(target_id))


@shared_task(name=task_names.REVIEW_PLACEMENTS)
def review_placements(token_id: str) -> None:
    planning.review_token(token_id=uuid.UUID(token_id))


@shared_task(name=task_names.PLAN_STANDING_ORDER)
def plan_standing_order(order_id: str) -> None:
    standing_orders.run(order_id=uuid.UUID(order_id))


@shared_task(name=jobs.TICK)
def tick() -> None:
    jobs.tick()


@shared_task(name=jobs.RUN)
def run_job(run_id: str) -> None:
    jobs.run(run_id=uuid.UUID(run_id))


@shared_task(name="audit.seal")
def seal_audit_log() -> None:
    if sealing.seal():
        waking.wake()


@shared_task(name=task_names.VERIFY_AUDIT_LOG)
def check_audit_log(check_id: str) -> None:
    audit_checks.carry_out(check_id=uuid.UUID(check_id))


@shared_task(name=task_names.FORWARD_LOG)
def forward_audit_log(sink_id: str) -> None:
    forwarding.forward(sink_id=uuid.UUID(sink_id))


@shared_task(name=task_names.DELIVER_WEBHOOKS)
def deliver_webhooks(webhook_id: str) -> None:
    delivering.deliver(webhook_id=uuid.UUID(webhook_id))
