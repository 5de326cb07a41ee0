"""The beat's process. It sends names of tasks, so it loads neither models nor tasks: 60 MB less."""

import os
import sys
from collections.abc import Callable

from django.conf import settings
from django.utils.log import configure_logging


def set_up() -> None:
    """What of django.setup() and of our application the beat needs: logs, traces and error events."""
    # Here, because they read the settings, which not every import of this module has.
    from identity_manager.config.observability import error_events, tracing

    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    tracing.start()
    error_events.start()


def check_in_child(check: Callable[[], None]) -> None:
    """Run a check in a child process, which takes the memory along that it has loaded models into.

    check: ends its process with SystemExit where something is wrong. SystemExit: so does this one then.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            check()
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    _pid, ended = os.waitpid(pid, 0)
    if status := os.waitstatus_to_exitcode(ended):
        sys.exit(abs(status))
