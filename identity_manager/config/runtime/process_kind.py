"""Kind of this process (web, worker, beat, command), for database session names and time-outs."""

import sys
from collections.abc import Sequence
from pathlib import Path

WEB, WORKER, BEAT, MIGRATION, COMMAND = KINDS = ("web", "worker", "beat", "migrate", "command")
_entered: list[str] = []


def serve_pages() -> None:
    """Mark this process as web; the WSGI entry point calls it before the settings load."""
    _entered.append(WEB)


def kind(arguments: Sequence[str] = ()) -> str:
    """One of KINDS, by the entry point, else by the arguments (those of this process)."""
    if _entered:
        return WEB
    program, *rest = arguments or sys.argv or [""]
    path = Path(program)
    if "celery" in (path.name, path.parent.name):  # the script, or celery/__main__.py
        return next((name for name in (WORKER, BEAT) if name in rest), COMMAND)
    return MIGRATION if rest[:1] == [MIGRATION] else COMMAND
