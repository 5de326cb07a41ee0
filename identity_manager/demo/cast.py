"""The demo cast: persons with roles and accounts, whose random passwords are written to a file.

A role has two persons where a second officer has to confirm (four eyes).
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from identity_manager.models import Account, Person, Role
from identity_manager.people.officers import roles
from identity_manager.people.sign_in import accounts

FILE_NAME = "demo-cast.json"
PASSWORD_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # noqa: S105 the symbols of passwords, not one
PASSWORD_GROUPS = 4
GROUP_LENGTH = 4  # 80 bits in all


@dataclass(frozen=True)
class Member:
    """A person of the cast: user name of the account, role, department and organisational unit."""

    username: str
    given_name: str
    surname: str
    role: Role
    department: str
    organisational_unit: str
    language: str = "en"

    @property
    def personnel_number(self) -> str:
        return f"E-{CAST.index(self) + 1:05}"

    def is_here(self) -> bool:
        """Whether the database has a person with this personnel number and this name."""
        named = {"given_name": self.given_name, "surname": self.surname}
        return Person.objects.filter(personnel_number=self.personnel_number, **named).exists()


CAST = (
    Member("ada", "Ada", "Bergström", Role.TOKEN_ADMINISTRATOR, "IT Operations", "Head Office"),
    Member("paul", "Paul", "Weber", Role.APPROVER, "Information Security", "Head Office"),
    Member("petra", "Petra", "Nováková", Role.APPROVER, "Information Security", "Head Office", "de"),
    Member("rita", "Rita", "Olsen", Role.REGISTRATION_OFFICER, "Human Resources", "Head Office"),
    Member("ulf", "Ulf", "Håkansson", Role.USER_ADMINISTRATOR, "Information Security", "Head Office"),
    Member("rosa", "Rosa", "Martínez", Role.USER_ADMINISTRATOR, "Information Security", "Head Office"),
    Member("otto", "Otto", "Kühn", Role.AUDITOR, "Internal Audit", "Head Office", "de"),
    Member("sven", "Sven", "Lindqvist", Role.SYSTEM_ADMINISTRATOR, "IT Operations", "Head Office"),
    Member("uma", "Uma", "Schäfer", Role.SELF_SERVICE_USER, "Engineering", "Plant North"),
    Member("sam", "Sam", "O'Neill", Role.SELF_SERVICE_USER, "Purchasing", "Plant South"),
    Member("rolf", "Rolf", "Fischer", Role.REGISTRATION_OFFICER, "Human Resources", "Head Office", "de"),
    Member("sofia", "Sofía", "Navarro", Role.SYSTEM_ADMINISTRATOR, "IT Operations", "Head Office"),
    Member("runa", "Runa", "Lindholm", Role.RECOVERY_OFFICER, "Legal", "Head Office"),
    Member("rafael", "Rafael", "Costa", Role.RECOVERY_OFFICER, "Legal", "Head Office"),
)


def path() -> Path:
    """File with the cast's passwords (mode 0600)."""
    return Path(settings.SECRETS_DIR) / FILE_NAME


def open_accounts() -> int:
    """Give each person of the cast a role and an account; return the number of new accounts.

    Existing accounts keep password and roles. The persons are imported before. In the data of an older demo
    the personnel number of a later member of the cast may belong to somebody else, who gets no role.
    """
    passwords = _passwords()
    newcomers = [member for member in CAST if member.is_here() and not _account_of(member).exists()]
    for member in newcomers:
        _open_account(member, passwords.setdefault(member.username, _new_password()))
    if newcomers:
        _write(passwords)
    return len(newcomers)


def _account_of(member: Member) -> QuerySet[Account]:
    return Account.objects.filter(person__personnel_number=member.personnel_number)


def _open_account(member: Member, password: str) -> None:
    person = Person.objects.get(personnel_number=member.personnel_number)
    with transaction.atomic():
        roles.establish(person_id=person.pk, role=member.role)
        accounts.open_account(person_id=person.pk, username=member.username, password=password)


def _new_password() -> str:
    symbols = "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_GROUPS * GROUP_LENGTH))
    return "-".join(symbols[start : start + GROUP_LENGTH] for start in range(0, len(symbols), GROUP_LENGTH))


def _passwords() -> dict[str, str]:
    """Passwords by user name from the file, so that a new database gets the same ones; empty without one."""
    if not path().exists():
        return {}
    return {row["username"]: row["password"] for row in json.loads(path().read_text(encoding="utf-8"))}


def _write(passwords: dict[str, str]) -> None:
    rows = [
        {
            "username": member.username,
            "password": passwords[member.username],
            "name": f"{member.given_name} {member.surname}",
            "role": str(member.role.label),
        }
        for member in CAST
        if member.username in passwords
    ]
    draft = path().with_name(f".{FILE_NAME}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(rows, stream, ensure_ascii=False, indent=2)
    draft.replace(path())
