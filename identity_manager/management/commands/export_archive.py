"""manage.py export_archive: every archived key without its outer layer, for openssl and a recovery key."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity_manager.transactions.refusals import Refused
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import export
from identity_manager.workflow.archive.export import ExportedKey


class Command(BaseCommand):
    help = (
        "Writes each archived key as a CMS envelope into a new directory, with an index. Run it where the"
        " workers run, within a day after two Recovery Officers have agreed on it in KEY ARCHIVE. Each"
        " envelope is opened by: openssl cms -decrypt -inform DER -in FILE -recip CERTIFICATE -inkey KEY"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, help="a new directory, made for this user alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        if not vault.holds(vault.Purpose.ARCHIVE):
            raise CommandError("This process holds no ring KEYS_ARCHIVE; run it where the workers run.")
        try:
            directory.mkdir(mode=0o700)
            export.begin()
            index = [self._write(directory, each) for each in export.exported()]
            _write(directory / "index.json", json.dumps(index, indent=1).encode())
        except Refused as refused:
            directory.rmdir()
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error
        unread = [each for each in index if each["error"]]
        self.stdout.write(f"{len(index) - len(unread)} keys lie in {directory}.")
        if unread:
            raise CommandError(f"{len(unread)} keys cannot be opened; index.json says which.")

    @staticmethod
    def _write(directory: Path, each: ExportedKey) -> dict[str, str]:
        row = each.row
        if not each.error:
            _write(directory / f"{row.public_key_sha256}.cms", each.envelope)
        return {
            "public_key_sha256": row.public_key_sha256,
            "personnel_number": row.owner.personnel_number,
            "name": row.owner.display_name,
            "serial": row.certificate.serial if row.certificate else "",
            "issuer": row.certificate.issuer if row.certificate else "",
            "archived_at": row.archived_at.isoformat(),
            "error": each.error,
        }


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
