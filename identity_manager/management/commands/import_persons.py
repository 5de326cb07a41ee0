"""manage.py import_persons FILE.csv: create and update persons from a CSV file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity_manager.directory import csv_file
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports.applying import ImportPlan, ImportStopped, RowOutcome
from identity_manager.person_fields import DIRECTORY_FIELDS, REQUIRED_FIELDS
from identity_manager.workflow.people import imports


class Command(BaseCommand):
    help = (
        "Creates persons from a CSV file (UTF-8 or UTF-16, comma or semicolon), and updates those whose"
        f" personnel number is known. Columns: {', '.join(DIRECTORY_FIELDS)};"
        f" needed are {', '.join(REQUIRED_FIELDS)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        parser.add_argument(
            "--accept-partial", action="store_true", help="import the good rows although others are refused"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            content = options["file"].read_bytes()
            rows = csv_file.read(content)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except csv_file.UnreadableFile as error:
            raise CommandError(str(error)) from error
        plan = importing.plan(rows)
        self._report(plan)
        if options["dry_run"]:
            self.stdout.write(_summary("Would import", plan))
            return
        try:
            done = imports.carry_out_on_the_machine(
                plan,
                file_name=options["file"].name,
                content=content,
                accept_partial=options["accept_partial"],
            )
        except ImportStopped as error:
            raise CommandError(f"{error}\n{_summary('Nothing imported', plan)}") from error
        self.stdout.write(_summary("Imported", done))

    def _report(self, plan: ImportPlan) -> None:
        for row in plan.rows:
            where = f"Line {row.line} ({row.personnel_number or 'without a personnel number'})"
            for error in row.errors:
                field = f", {error.field}" if error.field else ""
                self.stdout.write(f"{where}{field}: refused. {error.sentence}")
            for field in () if row.errors else row.waits:
                self.stdout.write(f"{where}, {field}: waits for a second officer.")


def _summary(beginning: str, plan: ImportPlan) -> str:
    counts = ", ".join(f"{plan.count(outcome)} {_WORDS[outcome]}" for outcome in RowOutcome)
    return f"{beginning}: {counts}."


_WORDS = {
    RowOutcome.CREATE: "new",
    RowOutcome.UPDATE: "changed",
    RowOutcome.UNCHANGED: "unchanged",
    RowOutcome.WAITS: "waiting for a second officer",
    RowOutcome.REFUSED: "refused",
}
