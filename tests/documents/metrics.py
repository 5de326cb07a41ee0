"""docs/reference/metrics.md: what /metrics says, read from the code that says it."""

from identity_manager.metrics import scraping
from identity_manager.metrics.aggregation import EVERY_SECONDS
from identity_manager.metrics.figures import COUNTED
from tests.documents import markdown

LEAD = f"""\
What `/metrics` says ([how to read it](../how-to/monitor.md)). Each figure is of the whole installation,
whichever process is asked: gauges are read from the database at that moment, counters and histograms are
what all web and worker processes have counted, brought together every {EVERY_SECONDS:.0f} seconds. So one
of them is asked, not each.

No label holds a name, an address or an identifier. What has ended is not counted: a count of what waits goes
up to {COUNTED:,} and no further, and how much ended is in `identity_manager_events_total`."""


def page() -> str:
    """Every metric, in the order of the names."""
    rows = [
        (markdown.code(name), kind, markdown.codes(labels), text)
        for name, kind, text, labels in scraping.described()
    ]
    return markdown.page("Metrics", LEAD, markdown.table(("metric", "kind", "labels", "meaning"), rows))
