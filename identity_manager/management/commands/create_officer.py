"""manage.py create_officer: one officer, with a password and roles."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity_manager.models import OFFERED_ROLES, OFFICER_ROLES, Role
from identity_manager.people.officers import first_officers
from identity_manager.transactions.refusals import NotPossible

PERSON_OPTIONS = ("personnel_number", "given_name", "surname", "email", "display_name", "language")


class Command(BaseCommand):
    help = (
        "Creates an Active person with an account and roles, for an emergency. All officers that a new"
        " installation needs are made by first_officers; where a System Administrator exists, officers are"
        " made in the portal. Asks for the password twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        for name in ("personnel-number", "given-name", "surname", "email"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument("--display-name", default="")
        parser.add_argument("--language", default="")
        parser.add_argument(
            "--role",
            required=True,
            action="append",
            choices=sorted(role.value for role in OFFICER_ROLES.intersection(OFFERED_ROLES)),
            help="once for each role",
        )
        parser.add_argument(
            "--password-file", type=Path, help="read the password from there (a file, or /dev/fd/3)"
        )
        parser.add_argument(
            "--break-glass",
            action="store_true",
            help="for emergencies: signs in with a password even where single sign-on is the only way",
        )
        parser.add_argument("--force", action="store_true", help="although a System Administrator exists")

    def handle(self, *_args: Any, **options: Any) -> None:
        if first_officers.system_administrator_exists() and not options["force"]:
            raise CommandError(str(first_officers.OFFICERS_EXIST))
        password = _read(options["password_file"]) if options["password_file"] else _ask()
        try:
            account = first_officers.create_officer(
                values={name: options[name] for name in PERSON_OPTIONS},
                username=options["username"],
                password=password,
                held=[Role(name) for name in options["role"]],
                force=options["force"],
                break_glass=options["break_glass"],
            )
        except NotPossible as error:
            field = f"{error.field}: " if error.field else ""
            raise CommandError(f"{field}{error}") from error
        self.stdout.write(f"{account.person.display_name} can sign in as {account.username}.")
        if account.is_break_glass:
            self.stdout.write(
                f"For emergencies: at {settings.CONSOLE_BASE_URL}/account/break-glass/. Sign in there now"
                " and set up its second factor: until then, who has the password can set up one of their own."
            )


def _read(path: Path) -> str:
    """The first line of the file."""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} does not hold UTF-8.") from error


def _ask() -> str:
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Password, again: ")
    except EOFError as error:
        raise CommandError("Nobody is there to type the password; name a --password-file.") from error
    if password != again:
        raise CommandError("The two passwords differ.")
    return password
