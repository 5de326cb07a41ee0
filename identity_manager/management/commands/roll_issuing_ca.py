"""manage.py roll_issuing_ca: a new issuing CA; the old one goes on signing CRLs for what it issued."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from cryptography import x509
from django.core.management.base import BaseCommand, CommandError

from ca_bridge.errors import CaError
from identity_manager.authorities import embedded
from identity_manager.management import ca_argument


class Command(BaseCommand):
    help = (
        "Make a new issuing CA of the embedded CA: below its own root, or below another one in two steps, "
        "--csr and then --chain. It issues from then on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One way at a time."""
        ca_argument.add_argument(parser)
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--root-key", metavar="FILE", type=Path, help="where the own root's key is kept")
        ways.add_argument("--csr", metavar="FILE", type=Path, help="write a request (PEM) for another root")
        ways.add_argument(
            "--chain", metavar="FILE", type=Path, help="take in the certificate and all above it (PEM)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and sign the first CRL."""
        alias = ca_argument.embedded_ca(options["ca"])
        try:
            if options["csr"]:
                self._request(alias, options["csr"])
            else:
                self._roll(alias, options["chain"], options["root_key"])
        except CaError as error:
            raise CommandError(error.words) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _request(self, alias: str, path: Path) -> None:
        pem = embedded.request(actor=None, alias=alias)
        path.write_bytes(pem)
        subject = x509.load_pem_x509_csr(pem).subject.rfc4514_string()
        self.stdout.write(f"{path}: a request for {subject}. Its key waits here for --chain.")

    def _roll(self, alias: str, chain: Path | None, root_key: Path | None) -> None:
        if chain:
            made = embedded.accept(actor=None, alias=alias, pem=chain.read_bytes())
        else:
            made = embedded.roll(actor=None, alias=alias, root_key=root_key)
        self.stdout.write(f"{made.subject} issues from now on, until {made.not_after:%Y-%m-%d}.")
