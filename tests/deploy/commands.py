"""Which of the commands that deployments and their documents name are real?"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.core.management import get_commands

from tests.documents import settings_table

SECRET_OF_PROVIDER = re.compile(r"SSO_SECRET_[A-Z0-9_]+")
QUEUES = {"ca", "mail", "bulk"}
MANAGE = re.compile(r"manage(?:\.py)? ([a-z][a-z_]+)")


def unknown_settings(names: Iterable[str]) -> set[str]:
    """Those names that no process reads."""
    known = set(settings_table.by_name("production")) | set(settings_table.by_name("embedded"))
    return {
        name
        for name in names
        if name not in known
        and not (name.endswith("_FILE") and name.removesuffix("_FILE") in known)
        and not SECRET_OF_PROVIDER.fullmatch(name)
    }


def unknown_commands(text: str) -> set[str]:
    """The commands of manage.py that a text names and that do not exist."""
    known = {name for name, app in get_commands().items() if app != "tests.documents"}
    return set(MANAGE.findall(text)) - known


def queues_of(words: list[str]) -> set[str]:
    """What a worker's command line takes from."""
    return set(words[words.index("--queues") + 1].split(","))


def blocks(path: Path) -> Iterator[tuple[str, str]]:
    """Each block of code of a document: its language and its text."""
    found = re.findall(
        r"^```(\w*)[^\n]*\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    yield from found
