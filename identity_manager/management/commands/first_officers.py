"""manage.py first_officers: the officers that four eyes need, in one go."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from identity_manager.management import terminal_input
from identity_manager.management.officers_dialog import Dialog
from identity_manager.models import OFFERED_ROLES, Role
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.people import first_officers
from identity_manager.workflow.people.first_officers import FIELDS, CreatedOfficers, Officer


class Command(BaseCommand):
    help = (
        "Creates the first officers: two System Administrators, a User Administrator, two Registration"
        " Officers, a Software Token Administrator and two Approvers. Asks for them at the terminal, or reads"
        " a file. Each gets a sign-in code for the first sign-in, shown this once. Refuses where there are"
        " officers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from-file", type=Path, help="JSON with the officers, instead of questions")
        parser.add_argument(
            "--codes-file",
            type=Path,
            help="write the codes there, for this user alone, instead of showing them",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is wrong with the file; make nobody"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if obstacle := first_officers.obstacle():
            raise CommandError(
                f"{obstacle} Where none of them can sign in any more: manage.py create_officer --force"
            )
        to_file: Path | None = options["codes_file"]
        shows = first_officers.codes_are_of_use() and not to_file and not options["dry_run"]
        if shows and not self.stdout.isatty():
            raise CommandError("Codes are shown at a terminal alone, and this is none; name a --codes-file.")
        officers = _read(options["from_file"]) if options["from_file"] else self._ask()
        _refuse_faults(officers)
        if options["dry_run"]:
            self.stdout.write(f"Nothing is wrong with these {len(officers)} officers. Nobody was made.")
            return
        self._make(officers, to_file)

    def _ask(self) -> list[Officer]:
        self.stdout.write(
            "One person may hold several roles: give the same personnel number again. Ctrl-C makes nobody."
        )
        try:
            officers = Dialog(terminal_input.read_line, self.stdout.write).officers()
            answer = terminal_input.read_line(f"\nMake these {len(officers)} officers? [yes/no] ")
        except EOFError as error:
            raise CommandError("Nobody is there to answer; name a file: --from-file") from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted. Nobody was made.") from error
        if answer.strip().lower() not in {"y", "yes"}:
            raise CommandError("Nobody was made.")
        return officers

    def _make(self, officers: Sequence[Officer], to_file: Path | None) -> None:
        """Write the codes before the commit: if that fails, the officers are rolled back."""
        try:
            with transaction.atomic():
                made = first_officers.make(officers)
                if to_file and first_officers.codes_are_of_use():
                    _write(to_file, made)
                else:
                    self._show(made)
        except NotPossible as error:
            raise CommandError(f"{error.field}: {error}" if error.field else str(error)) from error
        self.stdout.write(f"Made {len(made)} officers. {self._first_sign_in()}")

    def _show(self, made: Sequence[CreatedOfficers]) -> None:
        number = max(len(each.person.personnel_number) for each in made)
        name = max(len(each.person.display_name) for each in made)
        for each in made:
            labels = ", ".join(str(role.label) for role in each.roles)
            person = f"{each.person.personnel_number:<{number}}  {each.person.display_name:<{name}}"
            self.stdout.write(f"{person}  {each.code}  {labels}" if each.code else f"{person}  {labels}")
        self.stdout.flush()

    def _first_sign_in(self) -> str:
        if not first_officers.codes_are_of_use():
            return f"They sign in by single sign-on at {settings.CONSOLE_BASE_URL}/."
        return (
            f"Each signs in at {settings.CONSOLE_BASE_URL}/account/first-sign-in/ with personnel number and"
            f" code, within {settings.SIGN_IN_CODE_DAYS} days. Hand each code to its officer alone."
        )


def _read(path: Path) -> list[Officer]:
    """The officers of a file: {"officers": [{"personnel_number": ..., "roles": [...]}]}."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CommandError(f"{path} does not hold JSON: {error}.") from error
    listed = content.get("officers") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise CommandError(f'{path}: {{"officers": [...]}} is needed, with an object for each officer.')
    return [_officer(number, each) for number, each in enumerate(listed, 1)]


def _officer(number: int, entry: dict[str, Any]) -> Officer:
    values = {name: value for name, value in entry.items() if name != "roles"}
    if unknown := sorted(set(values) - set(FIELDS)):
        raise CommandError(
            f"Officer {number}: {', '.join(unknown)}: not known; known are {', '.join(FIELDS)}, roles."
        )
    if wrong := sorted(name for name, value in values.items() if not isinstance(value, str)):
        raise CommandError(f"Officer {number}: {', '.join(wrong)}: text is needed.")
    named = entry.get("roles", [])
    known = {role.value for role in OFFERED_ROLES}
    if not isinstance(named, list) or not all(isinstance(name, str) and name in known for name in named):
        raise CommandError(f"Officer {number}: roles: a list is needed, of: {', '.join(sorted(known))}.")
    return Officer(values, tuple(Role(name) for name in named))


def _refuse_faults(officers: Sequence[Officer]) -> None:
    lines = [
        f"Officer {fault.number}: {fault.field}: {fault.sentence}" if fault.number else str(fault.sentence)
        for fault in first_officers.faults(officers)
    ]
    if lines:
        raise CommandError("\n".join(lines))


def _write(path: Path, made: Sequence[CreatedOfficers]) -> None:
    """Create a new file with mode 0600. Raises CommandError if it exists."""
    codes = {each.person.personnel_number: each.code for each in made}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(codes, stream, indent=1)
            stream.write("\n")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}. Nobody was made.") from error
