"""manage.py change_ca_passphrase: another passphrase for the keys of the embedded CA, in two steps."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge.errors import CaError
from identity_manager.authorities import embedded
from identity_manager.management import ca_argument


class Command(BaseCommand):
    help = (
        "Change the passphrase of the embedded CA's keys, in two steps: --to, and --finish when the new one "
        "is in use everywhere. In between each key opens with either. See docs/how-to/rotate-keys.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One step at a time; the passphrases themselves are read from files."""
        ca_argument.add_argument(parser)
        steps = parser.add_mutually_exclusive_group(required=True)
        steps.add_argument(
            "--to", metavar="FILE", type=Path, help="have the keys open with the passphrase in this file, too"
        )
        steps.add_argument(
            "--finish", action="store_true", help="drop the former passphrase, now that the new one is in use"
        )
        parser.add_argument(
            "--root-key", metavar="FILE", type=Path, help="the root's key, too, which is kept elsewhere"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do the step, and say which comes next."""
        alias, root_key = ca_argument.embedded_ca(options["ca"]), options["root_key"]
        try:
            if options["finish"]:
                number = embedded.drop_former_passphrase(actor=None, alias=alias, root_key=root_key)
                self.stdout.write(f"Keys from which the former passphrase was dropped: {number}.")
                return
            number = embedded.add_passphrase(actor=None, alias=alias, to=options["to"], root_key=root_key)
        except CaError as error:
            raise CommandError(error.words) from error
        self.stdout.write(
            f"Keys that open with either passphrase: {number}. Put the new one in the place of the former "
            "one on every host, start every process anew, and then: manage.py change_ca_passphrase --finish"
        )
