"""manage.py config: export the configuration as a file, compare one with what is in force, import it."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity_manager.audit import keys
from identity_manager.configuration import importing, reading, signature, writing
from identity_manager.configuration.importing import ComparedEntry, Comparison
from identity_manager.configuration.kind import Effect
from identity_manager.models import Person
from identity_manager.transactions.refusals import NotPossible, Refused

DIFFERS = 1


class Command(BaseCommand):
    help = (
        "Configuration as files. `export` writes what is in force; `diff` says what a file would change, and"
        " ends with 0 where nothing differs, 1 where something does; `import` makes drafts, all or none,"
        " which second officers put in force in Identity Manager."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="write the configuration as TOML to standard output")
        export.add_argument("--sign", action="store_true", help="with the signing key of the audit log")
        for name, sentence in (("diff", "what a file would change"), ("import", "make drafts of it")):
            action = actions.add_parser(name, help=sentence)
            action.add_argument("file", type=Path, metavar="FILE.toml", help="or - for standard input")
            action.add_argument(
                "--officer",
                required=True,
                metavar="NUMBER",
                help="personnel number of the System Administrator whose drafts they are, and who does not"
                " put them in force",
            )

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        try:
            if action == "export":
                self._export(signs=options["sign"])
                return
            text, actor = _text(options["file"]), _officer(options["officer"])
            found = importing.compare(actor=actor, text=text, shows_secrets=False)
            self._tell(found)
            if action == "import":
                made = importing.import_file(actor=actor, text=text, seen=found.seen, shows_secrets=False)
                drafts = len(made.of(Effect.DRAFT))
                self.stdout.write(f"{drafts} drafts are made. Nothing is in force by them.")
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        if action == "diff" and any(row.effect is not Effect.SAME for row in found.rows):
            raise CommandError("The file and this installation differ.", returncode=DIFFERS)

    def _export(self, *, signs: bool) -> None:
        text = writing.exported()
        try:
            self.stdout.write(signature.signed(text) if signs else text, ending="")
        except keys.NoKey as error:
            raise CommandError(str(error)) from error

    def _tell(self, found: Comparison) -> None:
        key = found.origin.key
        self.stdout.write(f"Signed with {key}." if key else "Not signed.")
        for row in found.rows:
            if row.effect is not Effect.SAME:
                self.stdout.write(_line(row))
            for change in row.changes:
                self.stdout.write(f"    {change.label}: {_short(change.before)} -> {_short(change.after)}")


def _line(row: ComparedEntry) -> str:
    return f"{row.kind.name} {row.code}: {row.effect.label}. {row.remark}".rstrip()


def _short(value: object) -> str:
    return "nothing" if value is None else str(value)


def _text(path: Path) -> str:
    try:
        if str(path) == "-":
            return reading.text_of(sys.stdin.buffer.read(reading.MOST_BYTES + 1))
        with path.open("rb") as stream:
            return reading.text_of(stream.read(reading.MOST_BYTES + 1))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except NotPossible as refused:
        raise CommandError(f"{path}: {refused}") from refused


def _officer(number: str) -> Person:
    found = Person.objects.filter(personnel_number=number).first()
    if found is None:
        raise CommandError(f"Nobody has the personnel number {number}.")
    return found
