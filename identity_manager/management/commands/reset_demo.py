"""manage.py reset_demo: delete the embedded installation's data, CA and secrets."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import connections

from identity_manager.management.embedded import CannotRunError, running_lock
from identity_manager.management.embedded_command import EmbeddedCommand

FORGOTTEN = ("data", "mailbox", "ca", "static", "run", "secrets", "audit-heads.jsonl")


class Command(EmbeddedCommand):
    """Deletes the files that `make run` created, and no others."""

    help = "Forgets the demo: deletes its database, mails, CA and secrets. Refuses while it runs."

    def act(self) -> None:
        database = settings.DATABASES["default"]
        if "sqlite" not in database["ENGINE"]:
            raise CannotRunError(
                f"The demo lies in the PostgreSQL database {database['NAME']}; drop it and make it anew."
            )
        with running_lock():
            connections.close_all()
            _forget(Path(settings.VAR_DIR))
            (Path(settings.SECRETS_DIR) / "demo-cast.json").unlink(missing_ok=True)
        self.stdout.write("The demo is forgotten; make run begins anew.")


def _forget(var: Path) -> None:
    """Delete by name, as VAR_DIR may have other files. Secrets in another directory stay and are reused."""
    for path in (var / name for name in FORGOTTEN):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
