#!/usr/bin/env python3
"""The command line of Identity Manager. What the operator can mend is said in one sentence."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")
INTERRUPTED = 130  # as a shell has it: 128 and SIGINT
OURS = ("identity_manager", "selfservice", "ca_bridge")


def main() -> None:
    """Run the command that the arguments name."""
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError, ProgrammingError
    except ModuleNotFoundError as error:
        sys.exit(_missing(error))
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        if _package(error) in OURS:
            raise
        sys.exit(_missing(error))
    except (OperationalError, ProgrammingError) as error:  # away, or without the tables of this version
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database cannot be used: {_first_line(error)} (manage.py doctor says more)")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()


def _missing(error: ModuleNotFoundError) -> str:
    return f"The Python module {_package(error)} is missing from this environment; run: make setup"


def _package(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]


if __name__ == "__main__":
    main()
