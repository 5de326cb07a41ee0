"""The generated pages and pictures: `make docs-reference` writes them, a test finds stale ones.

The command that writes them (management/commands/write_reference.py) is there with the tests' settings alone:
it reads the source tree with its documents, which an installed product does not have.
"""

from collections.abc import Callable

from tests.documents import (
    architecture,
    commands,
    decisions,
    events,
    file_help_page,
    metrics,
    permissions,
    refusals,
    releases,
    settings_table,
    states,
)


def pages() -> dict[str, Callable[[], str]]:
    """Each generated file, below docs/, with the function that writes it."""
    return {
        "reference/settings.md": settings_table.page,
        "reference/permissions.md": permissions.page,
        "reference/refusals.md": refusals.page,
        "reference/states.md": states.page,
        "reference/events.md": events.page,
        "reference/commands.md": commands.page,
        "reference/metrics.md": metrics.page,
        "reference/releases.md": releases.page,
        "how-to/file-does-not-open.md": file_help_page.page,
        "decisions/index.md": decisions.page,
        "explanation/architecture.md": architecture.page,
        architecture.LAYERS_SVG: architecture.layers_svg,
        architecture.ROAD_SVG: architecture.road_svg,
    }
