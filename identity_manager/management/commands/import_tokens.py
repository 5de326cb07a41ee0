"""manage.py import_tokens FOLDER: tokens that another system has given, looked through or imported."""

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from identity_manager.mail.composing import console_url
from identity_manager.management.token_files import Folder, UnreadableFileError, passwords
from identity_manager.models import RowOutcome, TokenImport
from identity_manager.transactions.refusals import Refused
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.token_imports import dry_run, execution, reasons

EVERY = 500  # files or persons between two lines of progress


class Command(BaseCommand):
    help = (
        "Imports PKCS#12 files and certificates of another system. Run it where the workers run: keys never"
        " pass a web process. The first run looks through the folder and says row by row what would become of"
        " it. Then two Software Token Administrators confirm the matching in Identity Manager, and the same"
        " command with --confirmed imports it. Both can be stopped and run again. Delete the folder and the"
        " file of passwords afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--passwords", type=Path, required=True, help="CSV in UTF-8, two columns: file;password"
        )
        parser.add_argument(
            "--type",
            action="append",
            default=[],
            help="code of a token type; several times: the first that has a profile for the purpose counts",
        )
        parser.add_argument(
            "--tell-persons", action="store_true", help="each person gets one mail once it is imported"
        )
        parser.add_argument("--confirmed", type=uuid.UUID, metavar="ID", help="import what was confirmed")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            folder = Folder(options["folder"], passwords(options["passwords"]), without=options["passwords"])
            if options["confirmed"]:
                self._import(folder, options["confirmed"])
            else:
                self._look_through(folder, options)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except (UnreadableFileError, Refused) as error:
            raise CommandError(str(error)) from error

    def _look_through(self, folder: Folder, options: dict[str, Any]) -> None:
        for name in folder.unnamed():
            self.stdout.write(f"{name}: the folder has no such file.")
        row = dry_run.begin(
            name=options["folder"].resolve().name,
            types=options["type"],
            tells_persons=options["tell_persons"],
        )
        dry_run.look_through(row, folder.files(), progress=self._progress("files", len(folder)))
        for each in row.rows.select_related("person").order_by("position").iterator(chunk_size=1000):
            self.stdout.write("  ".join(map(str, _columns(each))))
        self.stdout.write(self._counted(row))
        address = console_url("console:token-import", row.pk)
        self.stdout.write(
            f"Nothing is imported yet. Two Software Token Administrators confirm the matching at"
            f" {address}\nThen run it again with --confirmed {row.pk}"
        )

    def _import(self, folder: Folder, import_id: uuid.UUID) -> None:
        row = TokenImport.objects.filter(pk=import_id).first()
        if row is None:
            raise CommandError("There is no import of this id.")
        if not vault.holds(vault.Purpose.ARCHIVE):
            raise CommandError("This process holds no ring KEYS_ARCHIVE; run it where the workers run.")
        done = execution.carry_out(row.pk, keys_of=folder.keys_of, progress=self._progress("persons"))
        self.stdout.write(self._counted(row))
        if done.missing:
            names = row.rows.filter(file_sha256__in=done.missing).values_list("file_name", flat=True)
            raise CommandError(
                f"{len(done.missing)} files are not in the folder or have no password, and what they hold is"
                f" left: {', '.join(sorted(set(names))[:20])}. Run it again with them."
            )
        self.stdout.write("Done. Delete the folder and the file of passwords.")

    def _progress(self, what: str, total: int = 0) -> Any:
        def report(done: int, of_all: int = total) -> None:
            if done % EVERY == 0 or done == of_all:
                self.stderr.write(f"{done} of {of_all} {what}")

        return report

    @staticmethod
    def _counted(row: TokenImport) -> str:
        counted = dict(row.rows.order_by().values_list("outcome").annotate(number=Count("pk")))
        return ", ".join(f"{counted.get(each.value, 0)} {each.value}" for each in RowOutcome)


def _columns(row: Any) -> tuple[object, ...]:
    """One line of the dry run: no password and nothing of a key."""
    person = f"{row.person.personnel_number} {row.matched_by}" if row.person else "-"
    key = "key archived" if row.archives else "key not kept" if row.has_key else "no key"
    return row.file_name, row.serial or "-", person, row.outcome, reasons.ROWS.in_words(row.code) or key
