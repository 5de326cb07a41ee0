"""manage.py init_embedded_ca: makes root and issuing CA of every embedded connector, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from identity_manager.authorities import embedded


class Command(BaseCommand):
    """Safe to run again: what exists is left as it is."""

    help = "Make the embedded certificate authorities that are configured and do not exist yet."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Make each CA and its first CRLs."""
        for alias in embedded.aliases():
            try:
                made = embedded.initialise(actor=None, alias=alias)
            except CaError as error:
                raise CommandError(f"CA {alias}: {error.words}") from error
            word = "made" if made else "exists"
            self.stdout.write(f"CA {alias}: {word}, {registry.connector(alias).health().detail}")
