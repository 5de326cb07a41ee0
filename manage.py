#!/usr/bin/env python3
"""The command line of Identity Manager. What the operator can mend is said in one sentence."""

import json
import os
import sys
import traceback
from typing import NoReturn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")
INTERRUPTED = 130  # as a shell has it: 128 and SIGINT
OURS = ("identity_manager", "selfservice", "ca_bridge")


def main() -> None:
    """Run the command that the arguments name."""
    try:
        _run()
    except ModuleNotFoundError as error:
        if _package(error) in OURS and not _speaks_json():
            raise
        _end(f"The Python module {_package(error)} is missing from this environment; run: make setup")
    except BrokenPipeError:  # who reads it, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries once more at its end, and complains
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not _speaks_json():
            raise
        traceback.print_exc()
        _end(f"The doctor itself broke: {type(error).__name__}.")


def _run() -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        _end(str(error))
    except (OperationalError, ProgrammingError) as error:  # away, or without the tables of this version
        if "--traceback" in sys.argv:
            raise
        _end(f"The database cannot be used: {_first_line(error)} (manage.py doctor says more)")


def _end(sentence: str) -> NoReturn:
    """Exit with 1. A program that reads `doctor --json` gets its one document, though no check was run."""
    if _speaks_json():
        finding = {
            "check": "settings",
            "level": "failed",
            "says": sentence,
            "remedy": "docs/reference/settings.md",
        }
        sys.stdout.write(f"{json.dumps({'ok': False, 'findings': [finding]}, indent=2)}\n")
        sys.exit(1)
    sys.exit(sentence)


def _speaks_json() -> bool:
    return sys.argv[1:2] == ["doctor"] and "--json" in sys.argv


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()


def _package(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]


if __name__ == "__main__":
    main()
