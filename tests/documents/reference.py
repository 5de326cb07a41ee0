"""Writes the generated pages and pictures: `make docs-reference`. A test finds stale ones.

It is no management command: it reads the source tree with its documents and pyproject.toml, which an
installed product does not have.
"""

import os
from collections.abc import Callable

import django

from tests.documents.markdown import DOCS


def pages() -> dict[str, Callable[[], str]]:
    """Each generated file, below docs/, with the function that writes it."""
    from tests.documents import (  # models are there only after django.setup()
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


def main() -> None:
    """Write every page."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    for name, page in pages().items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
