"""Base class of embedded mode commands: errors as one sentence, without a traceback."""

from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from identity_manager.management.embedded import CannotRunError
from identity_manager.management.supervisor import StartError

INTERRUPTED = 130  # as a shell counts SIGINT


class EmbeddedCommand(BaseCommand):
    """Runs act() if the settings fit the embedded mode."""

    requires_system_checks = ()

    def act(self) -> None:
        """The command's work. May raise what handle() turns into a sentence."""
        raise NotImplementedError

    def handle(self, *_args: Any, **_options: Any) -> None:
        _refuse_unfit_settings()
        try:
            self.act()
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from error
        except (CannotRunError, StartError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(
                f"{error.filename or 'The system'} cannot be used: {error.strerror}."
            ) from error


def _refuse_unfit_settings() -> None:
    if not settings.EMBEDDED:
        raise CommandError("This belongs to the embedded mode; DEPLOYMENT says production.")
    errors = [message.msg for message in run_checks(tags=["deployment"]) if message.is_serious()]
    if errors:
        raise CommandError("\n".join(errors))
