"""Prometheus counters and histograms of one process, in memory; identity_manager.metrics aggregates them.

Label values come from closed sets (views, states, tasks, events), so that cardinality is bounded and no label
holds personal data, an address or an identifier.
"""

from ca_bridge.telemetry import counter, histogram

HTTP_REQUESTS = counter(
    "http_requests",
    "HTTP requests, by the name of the view, the method and the status.",
    "view",
    "method",
    "status",
)
HTTP_SECONDS = histogram(
    "http_request_seconds",
    "Duration of a request in the web process, by the name of the view.",
    "view",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
TASK_SECONDS = histogram(
    "task_seconds",
    "Duration of a task in a worker; the count is the number of tasks.",
    "task",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300),
)
TASK_FAILURES = counter(
    "task_failures", "Tasks that ended with an unexpected exception, which is in the log.", "task"
)
EVENTS = counter(
    "events",
    "Events of the audit log, by name, each counted once when it is sealed: requests opened, rejected, "
    "completed, and so on.",
    "event",
)
MAILS = counter(
    "mail_outcomes",
    "Outcomes of handing a mail to the mail server: sent; failed (refused permanently); put off (retried "
    "later); discarded as obsolete; bounced, if the bounce came first. A later bounce is the event "
    "mail.bounced.",
    "outcome",
)
UNPUBLISHED = counter(
    "publish_failures", "Tasks that the broker did not accept; the sweep publishes them later."
)
