"""manage.py run: the whole embedded installation as one foreground command."""

import os
from pathlib import Path

from django.conf import settings
from django.db import connections

from identity_manager.management import embedded
from identity_manager.management.embedded_command import EmbeddedCommand
from identity_manager.management.preparation import prepare
from identity_manager.management.supervisor import Supervisor

READY_SECONDS = 90


class Command(EmbeddedCommand):
    """Prepares the installation, runs it, and leaves nothing running."""

    help = "Runs both portals, the workers and a private broker until Ctrl-C."

    def act(self) -> None:
        with embedded.running_lock() as lock:
            embedded.require_free_port(settings.HTTP_PORT)
            self.stdout.write("Preparing; the first time takes half a minute.")
            self.stdout.flush()
            prepare()
            connections.close_all()
            self._run(Supervisor(Path(settings.BASE_DIR), inherited=(lock,)))
        self.stdout.write("Stopped.")

    def _run(self, supervisor: Supervisor) -> None:
        supervisor.catch_signals()
        try:
            if self._start(supervisor):
                self.stdout.write(embedded.welcome())
                self.stdout.flush()
                supervisor.hand_over()
        finally:
            supervisor.stop()

    def _start(self, supervisor: Supervisor) -> bool:
        """Start broker and programs in order; return False when somebody asked to stop meanwhile."""
        url = os.environ.get("BROKER_URL") or self._start_broker(supervisor)
        if supervisor.stopping:
            return False
        web, *others = embedded.portal_programs(url)
        supervisor.start(web)
        # Alone, for each of them loads at length: the first page comes sooner, and what is due can wait.
        if not supervisor.wait_until(embedded.portals_answer, what="The web process", seconds=READY_SECONDS):
            return False
        for program in others:
            supervisor.start(program)
        return True

    def _start_broker(self, supervisor: Supervisor) -> str:
        broker = embedded.private_broker()
        supervisor.start(broker.program())
        supervisor.wait_until(broker.answers, what="The broker", seconds=READY_SECONDS)
        return broker.url
