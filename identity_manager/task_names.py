"""The names of Celery tasks: whoever enqueues imports a name here, and never the task."""

ISSUE = "road.issue_certificate"
RESOLVE_ORPHAN = "road.clear_up_certificate"
SEAL = "road.seal_token"
ARCHIVE = "road.archive_late"
REVOKE = "road.revoke_certificate"
HOLD = "road.hold_certificate"
RUN = "bulk.run"
RUN_SHARD = "bulk.run_stretch"
READ_DIRECTORY = "bulk.read_directory"
PLAN_STANDING_ORDER = "bulk.plan_standing_order"
SEND = "mail.send"
CHECK = "audit.check"
FORWARD_LOG = "events.forward_log"
DELIVER_WEBHOOKS = "events.deliver_webhooks"
NOTICE = "road.notice_changes"  # the task that compares a changed person with what was approved for them
SERVE_TARGET = "bulk.serve_target"
REVIEW_PLACEMENTS = "bulk.review_placements"

# How many rows a message names, at most; 1 for other tasks. Mails of a group of tokens are one message.
TOGETHER = {SEND: 8}
