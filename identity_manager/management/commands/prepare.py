"""manage.py prepare: what `make setup` does after the packages and the secrets."""

from identity_manager.management.embedded_command import EmbeddedCommand
from identity_manager.management.preparation import prepare


class Command(EmbeddedCommand):
    """Brings the embedded installation up to date."""

    help = "Prepares the embedded installation: database, CA, demo organisation, static files, translations."

    def act(self) -> None:
        prepare()
