"""Celery task names: whoever enqueues imports a name here, and never the task."""

ISSUE = "road.issue_certificate"
RESOLVE_ORPHAN = "road.clear_up_certificate"
SEAL = "road.seal_token"
ARCHIVE = "road.archive_late"
REVOKE = "road.revoke_certificate"
HOLD = "road.hold_certificate"
RUN_BATCH_ORDER = "bulk.run"
RUN_BATCH_SHARD = "bulk.run_stretch"
READ_DIRECTORY = "bulk.read_directory"
PLAN_STANDING_ORDER = "bulk.plan_standing_order"
SEND_MAIL = "mail.send"
VERIFY_AUDIT_LOG = "audit.check"
FORWARD_LOG = "events.forward_log"
DELIVER_WEBHOOKS = "events.deliver_webhooks"
DETECT_PERSON_CHANGES = (
    "road.notice_changes"  # the task that compares a changed person with what was approved for them
)
SERVE_TARGET = "bulk.serve_target"
REVIEW_PLACEMENTS = "bulk.review_placements"

# How many rows a message names, at most; 1 for other tasks. Mails of a group of tokens are one message.
TOGETHER = {SEND_MAIL: 8}
