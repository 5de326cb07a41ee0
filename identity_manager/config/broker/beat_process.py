"""The beat's process. It sends names of tasks, so it loads neither models nor tasks: 60 MB less."""

import multiprocessing
import sys
from collections.abc import Callable

from django.conf import settings
from django.utils.log import configure_logging


def set_up() -> None:
    """Set up logs, traces and error events: what the beat needs of django.setup() and of our application."""
    # Here, because they read the settings, which not every import of this module has.
    from identity_manager.config.observability import error_events, tracing

    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    tracing.start()
    error_events.start()


def check_in_child(check: Callable[[], None]) -> None:
    """Run a check in a forked process, which takes the memory along that it has loaded models into.

    Call it before any thread starts. Raises SystemExit where the check did, or failed.
    """
    child = multiprocessing.get_context("fork").Process(target=check)
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(1)
