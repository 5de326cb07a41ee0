"""manage.py compile_catalogues: compile the translations, without msgfmt."""

from typing import Any

from django.core.management.base import BaseCommand

from identity_manager.management.preparation import compile_catalogues


class Command(BaseCommand):
    help = "Compiles each translation that is newer than its compiled form."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        for path in compile_catalogues():
            self.stdout.write(f"Compiled {path.parent.parent.name}/{path.name}.")
