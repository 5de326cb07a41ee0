"""manage.py revoke_issuing_ca: put a former issuing CA on the root's CRL, which invalidates all it issued."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ca_bridge.contract import RevocationReason
from ca_bridge.errors import CaError
from identity_manager.authorities import embedded
from identity_manager.management import ca_argument

REASONS = (
    RevocationReason.KEY_COMPROMISE,
    RevocationReason.SUPERSEDED,
    RevocationReason.CESSATION_OF_OPERATION,
)


class Command(BaseCommand):
    help = (
        "Revoke a former issuing CA of the embedded CA. Nothing that it ever issued holds any more; "
        "there is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """CA and revocation reason."""
        ca_argument.add_argument(parser)
        parser.add_argument("name", help="of its published files, without .crl: corporate, corporate-g2")
        parser.add_argument("--reason", choices=[str(each) for each in REASONS], default=str(REASONS[0]))
        parser.add_argument("--root-key", metavar="FILE", type=Path, help="where the root's key is kept")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Revoke it, and say so."""
        alias = ca_argument.embedded_ca(options["ca"])
        try:
            revoked = embedded.revoke(
                actor=None,
                alias=alias,
                name=options["name"],
                reason=RevocationReason(options["reason"]),
                root_key=options["root_key"],
            )
        except CaError as error:
            raise CommandError(error.words) from error
        self.stdout.write(f"{revoked.subject} is on the root's CRL.")
