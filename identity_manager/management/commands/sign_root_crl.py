"""manage.py sign_root_crl: sign a long-lived CRL of the root, whose key is offline."""

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge.contract_operation import ROOT_CRL_LIFETIME
from ca_bridge.errors import CaError
from identity_manager.authorities import embedded
from identity_manager.management import ca_argument

MOST_DAYS = ROOT_CRL_LIFETIME.days


class Command(BaseCommand):
    help = "Sign a CRL of the embedded CA's root that holds for long, and move the root's key out if told to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Path of the root's key, or the path to move it to."""
        ca_argument.add_argument(parser)
        parser.add_argument(
            "--days", type=int, default=MOST_DAYS, help=f"how long it holds, 1 to {MOST_DAYS} (default)"
        )
        places = parser.add_mutually_exclusive_group(required=True)
        places.add_argument("--root-key", metavar="FILE", type=Path, help="where the root's key is kept")
        places.add_argument(
            "--take-away", metavar="FILE", type=Path, help="move the root's key from here to this new file"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sign, and print the CRL's nextUpdate."""
        alias = ca_argument.embedded_ca(options["ca"])
        if not 1 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days must be 1 to {MOST_DAYS}.")
        lifetime = timedelta(days=options["days"])
        try:
            if options["take_away"]:
                embedded.take_root_offline(
                    actor=None, alias=alias, to=options["take_away"], lifetime=lifetime
                )
                self.stdout.write(f"The root's key lies in {options['take_away']} and no longer here.")
            else:
                embedded.sign_root_crl(
                    actor=None, alias=alias, lifetime=lifetime, root_key=options["root_key"]
                )
        except CaError as error:
            raise CommandError(error.words) from error
        self.stdout.write(f"The root's CRL holds for {options['days']} days.")
