"""manage.py make_online_recovery_key: a recovery key that workers hold."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge.keys import recovery_keys
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates


class Command(BaseCommand):
    help = (
        "Makes a recovery key in this process and keeps it in the database, under the ring KEYS_RECOVERY."
        " Run it where the workers run. It is in force when two Recovery Officers have confirmed the"
        " fingerprint that is shown. Who holds the database and that ring opens every key that is sealed for"
        " it: docs/how-to/key-archive.md says what speaks for a key that is split among officers instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="what its certificate is called")
        parser.add_argument("--bits", type=int, default=3072, choices=recovery_keys.SIZES)
        parser.add_argument("--years", type=int, default=20, choices=range(1, 51), metavar="1..50")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not vault.holds(vault.Purpose.RECOVERY_KEYS):
            raise CommandError("This process holds no ring KEYS_RECOVERY; run it where the workers run.")
        row = recovery_certificates.make_online(
            name=options["name"], bits=options["bits"], days=365 * options["years"]
        )
        self.stdout.write(
            f"Fingerprint (SHA-256), for two Recovery Officers to confirm:\n\n{row.spaced_fingerprint}\n"
        )
