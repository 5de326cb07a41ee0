"""docs/reference/metrics.md: the metrics of /metrics, from their definitions in the code."""

from identity_manager.metrics import scraping
from identity_manager.metrics.aggregation import EVERY_SECONDS
from identity_manager.metrics.figures import COUNTED
from tests.documents import markdown

LEAD = f"""\
Metrics of `/metrics` ([how to read it](../how-to/monitor.md)). Each is of the whole installation: gauges are
read from the database at the time of the scrape, counters and histograms are summed over all web and worker
processes every {EVERY_SECONDS:.0f} seconds. So scrape one web process, not each.

No label holds a name, an address or an identifier. Gauges count only rows in progress, up to {COUNTED:,};
`identity_manager_events_total` counts those that ended."""


def page() -> str:
    """Every metric, in the order of the names."""
    rows = [
        (markdown.code(name), kind, markdown.codes(labels), text)
        for name, kind, text, labels in scraping.described()
    ]
    return markdown.page(
        "reference/metrics.md", LEAD, markdown.table(("metric", "kind", "labels", "meaning"), rows)
    )
