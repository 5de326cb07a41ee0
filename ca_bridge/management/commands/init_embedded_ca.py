"""manage.py init_embedded_ca: makes root and issuing CA of every embedded connector, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge import registry
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.errors import CaError


class Command(BaseCommand):
    """Safe to run again: what exists is left as it is."""

    help = "Make the embedded certificate authorities that are configured and do not exist yet."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Make each CA and its first CRLs."""
        for alias in registry.aliases():
            connector = registry.connector(alias)
            if isinstance(connector, EmbeddedConnector):
                self._initialise(alias, connector)

    def _initialise(self, alias: str, connector: EmbeddedConnector) -> None:
        try:
            made = connector.initialise()
            connector.renew_crl_if_due()
        except CaError as error:
            raise CommandError(f"CA {alias}: {error.message} {error.detail}".strip()) from error
        self.stdout.write(f"CA {alias}: {'made' if made else 'exists'}, {connector.health().detail}")
