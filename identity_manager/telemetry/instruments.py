"""Prometheus counters and histograms of a process, in its memory; identity_manager.metrics sums them up.

Labels come from closed sets (views, states, tasks, events): nothing personal, no address, no identifier.
"""

from ca_bridge.telemetry import counter, histogram

HTTP_REQUESTS = counter(
    "http_requests",
    "Pages and other addresses that were asked for, by the view's name, the method and the status.",
    "view",
    "method",
    "status",
)
HTTP_SECONDS = histogram(
    "http_request_seconds",
    "How long an answer took in the web process, by the view's name.",
    "view",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
TASK_SECONDS = histogram(
    "task_seconds",
    "How long a worker took for a task; its count is the number of tasks.",
    "task",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300),
)
TASK_FAILURES = counter(
    "task_failures", "Tasks that ended with an error that nobody foresaw; the log has it.", "task"
)
EVENTS = counter(
    "events",
    "Events of the audit log, by name, each counted when it is sealed: requests that were made, issued, "
    "rejected, completed, and so on.",
    "event",
)
MAILS = counter(
    "mail_outcomes",
    "What came of handing a mail to the mail server: sent; failed, because it was refused for good; put off; "
    "discarded as pointless; bounced, where that was heard first. What comes back later is the event "
    "mail.bounced.",
    "outcome",
)
UNPUBLISHED = counter("publish_failures", "Tasks that no broker took; the sweep does them later.")
