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
SEND = "mail.send"
CHECK = "audit.check"
NOTICE = "road.notice_changes"  # the task that compares a changed person with what was approved for them
