"""manage.py recovery_ceremony: a recovery key is made and split among officers, on an offline machine."""

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management.base import BaseCommand, CommandError

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import recovery_keys
from ca_bridge.keys.envelopes import RecoveryKey
from ca_bridge.keys.recovery_keys import Document
from ca_bridge.keys.recovery_token import RecoveryTokenKey
from identity_manager.management import terminal_input
from identity_manager.management.ceremony import Ceremony

SHORTEST = 12


class Command(BaseCommand):
    help = (
        "Makes a recovery key and its certificate, splits what opens it among officers, shows each officer"
        " their share once and has it typed back. Needs no database and no network. The document that it"
        " writes holds no secret in plain; it is brought in on the page Recovery certificates. See"
        " docs/how-to/key-archive.md."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        make = acts.add_parser("make", help="a new recovery key")
        make.add_argument("--name", required=True, help="what its certificate is called")
        make.add_argument(
            "--hsm-token",
            metavar="LABEL",
            help="make it in this PKCS#11 token, of the module RECOVERY_HSM_MODULE, with 3072 bits",
        )
        make.add_argument("--bits", type=int, default=3072, choices=recovery_keys.SIZES)
        make.add_argument(
            "--years", type=int, default=20, help="how long keys are sealed for it (default 20)"
        )
        change = acts.add_parser("change-officers", help="the same recovery key for other officers")
        open_it = acts.add_parser("open", help="write the key under a passphrase, for openssl")
        for act in (make, change):
            act.add_argument("--needed", type=int, required=True, help="how many officers open it together")
            act.add_argument(
                "--officer",
                action="append",
                required=True,
                metavar="PERSONNEL-NUMBER",
                help="who gets a share, each by an option of its own",
            )
        for act in (change, open_it):
            act.add_argument("--document", type=Path, required=True, help="of the ceremony before")
        for act in (make, change, open_it):
            act.add_argument("--directory", type=Path, default=Path(), help="where files are written")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not (sys.stdin.isatty() and self.stdout.isatty()):
            raise CommandError("Shares are shown and typed at a terminal alone, and this is none.")
        try:
            self._act(Ceremony(terminal_input.read_line, self.stdout.write), options)
        except KeyArchiveError as error:
            raise CommandError(str(error)) from error
        except (EOFError, KeyboardInterrupt) as error:
            raise CommandError("Interrupted. Nothing was written.") from error

    def _act(self, ceremony: Ceremony, options: dict[str, Any]) -> None:
        acts: dict[str, Callable[[Ceremony, dict[str, Any]], None]] = {
            "make": self._make,
            "change-officers": self._change_officers,
            "open": self._open,
        }
        acts[options["act"]](ceremony, options)

    def _make(self, ceremony: Ceremony, options: dict[str, Any]) -> None:
        if not 1 <= options["years"] <= 50:
            raise CommandError("--years takes a number from 1 to 50.")
        asked: dict[str, Any] = {
            "name": options["name"],
            "days": 365 * options["years"],
            "holders": _holders(options),
            "needed": options["needed"],
        }
        if options["hsm_token"]:
            document = ceremony.make_in_token(token=options["hsm_token"], **asked)
        else:
            document = ceremony.make(bits=options["bits"], **asked)
        self._write(document, options["directory"])

    def _change_officers(self, ceremony: Ceremony, options: dict[str, Any]) -> None:
        former = _read(options["document"])
        ceremony.hand_over(
            former,
            holders=_holders(options),
            needed=options["needed"],
            write=lambda document: self._write(document, options["directory"]),
        )

    def _open(self, ceremony: Ceremony, options: dict[str, Any]) -> None:
        document = _read(options["document"])
        recovery_key = ceremony.open(document)
        if isinstance(recovery_key.private, RecoveryTokenKey):
            private = recovery_key.private
            self.stdout.write(
                f"The key stays in the token {private.token}, as {private.label}. Its PIN, for a program that"
                f" speaks PKCS#11:\n\n  {private.pin}\n\nWho has seen it opens the key wherever the token is."
                " Retire this recovery certificate when you are done."
            )
            return
        path = options["directory"] / f"recovery-{document.fingerprint[:8]}.key"
        _write_new(path, _under_passphrase(recovery_key))
        self.stdout.write(
            f"The key lies in {path}, under the passphrase. It opens every key that is sealed for it:\n"
            f"openssl cms -decrypt -inform DER -in KEY.cms -recip recovery-{document.fingerprint[:8]}.pem"
            f" -inkey {path} -out KEY.der\nDestroy it when you are done."
        )

    def _write(self, document: Document, directory: Path) -> None:
        stem = directory / f"recovery-{document.fingerprint[:8]}"
        certificate = x509.load_der_x509_certificate(document.certificate).public_bytes(Encoding.PEM)
        path = stem.with_name(f"{stem.name}-{document.number}.json")
        _write_new(path, document.to_json())
        if document.number == 1:
            _write_new(stem.with_suffix(".pem"), certificate)
        groups = [document.fingerprint[start : start + 4].upper() for start in range(0, 64, 4)]
        lines = [" ".join(groups[start : start + 4]) for start in range(0, 16, 4)]
        self.stdout.write(
            "\nFingerprint of the certificate (SHA-256). Officers write it down and confirm it later:\n\n  "
            + "\n  ".join(lines)
            + f"\n\n{path} is brought in on the page Recovery certificates. Keep a copy of it: shares alone"
            " open nothing."
        )


def _holders(options: dict[str, Any]) -> list[str]:
    holders: list[str] = options["officer"]
    if len(set(holders)) < len(holders):
        raise CommandError("Each officer gets one share: a personnel number was given twice.")
    return holders


def _read(path: Path) -> Document:
    try:
        return recovery_keys.read(path.read_bytes(), now=datetime.now(UTC))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _under_passphrase(recovery_key: RecoveryKey) -> bytes:
    while True:
        passphrase = getpass.getpass(f"A passphrase for the file, of at least {SHORTEST} characters: ")
        if len(passphrase) >= SHORTEST and passphrase == getpass.getpass("Once more: "):
            break
    return recovery_key.private.private_bytes(
        Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )


def _write_new(path: Path, content: bytes) -> None:
    """Create a new file with mode 0600. Raises CommandError if it exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
