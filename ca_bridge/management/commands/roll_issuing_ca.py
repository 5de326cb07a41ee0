"""manage.py roll_issuing_ca: a new issuing CA; the old one goes on signing CRLs for what it issued."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from cryptography import x509
from django.core.management.base import BaseCommand, CommandError

from ca_bridge.connectors.embedded import rolling
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.errors import CaError
from ca_bridge.management import choosing


class Command(BaseCommand):
    help = (
        "Make a new issuing CA of the embedded CA: below its own root, or below another one in two steps, "
        "--csr and then --chain. It issues from then on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One way at a time."""
        choosing.add_argument(parser)
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--root-key", metavar="FILE", type=Path, help="where the own root's key is kept")
        ways.add_argument("--csr", metavar="FILE", type=Path, help="write a request (PEM) for another root")
        ways.add_argument(
            "--chain", metavar="FILE", type=Path, help="take in the certificate and all above it (PEM)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and sign the first CRL."""
        connector = choosing.embedded_ca(options["ca"])
        try:
            if options["csr"]:
                self._request(connector, options["csr"])
            else:
                self._roll(connector, options["chain"], options["root_key"])
        except CaError as error:
            raise CommandError(f"{error.message} {error.detail}".strip()) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _request(self, connector: EmbeddedConnector, path: Path) -> None:
        pem = rolling.request(connector.options)
        path.write_bytes(pem)
        subject = x509.load_pem_x509_csr(pem).subject.rfc4514_string()
        self.stdout.write(f"{path}: a request for {subject}. Its key waits here for --chain.")

    def _roll(self, connector: EmbeddedConnector, chain: Path | None, root_key: Path | None) -> None:
        if chain:
            made = rolling.accept(connector.options, chain.read_bytes())
        else:
            made = rolling.roll(connector.options, root_key)
        connector.renew_crl_if_due()
        subject, until = made.subject.rfc4514_string(), made.not_valid_after_utc
        self.stdout.write(f"{subject} issues from now on, until {until:%Y-%m-%d}.")
