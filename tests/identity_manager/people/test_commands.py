"""import_persons and create_officer, as an operator types them."""

import getpass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from identity_manager.audit import Event
from identity_manager.models import Account, AuditEvent, IdentityChange, Person
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]
HEADER = "personnel_number;given_name;surname;email\n"
OFFICER = {
    "username": "sven",
    "personnel_number": "1",
    "given_name": "Sven",
    "surname": "Lindqvist",
    "email": "sven@example.com",
}
PASSWORD = "quiet-lantern-4711"


def run(name: str, *arguments: Any, **options: Any) -> str:
    stream = StringIO()
    call_command(name, *arguments, stdout=stream, **options)
    return stream.getvalue()


# --- import_persons --------------------------------------------------------------------------------
@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "persons.csv"
    path.write_text(HEADER + "1;Ada;Berg;ada@example.com\n2;Paul;Weber;nobody\n", encoding="utf-16")
    return path


def test_refused_rows_are_told_by_line_and_nothing_is_imported(file: Path) -> None:
    stream = StringIO()
    with pytest.raises(CommandError) as stopped:
        call_command("import_persons", file, stdout=stream)
    assert stopped.value.returncode == 1
    assert "Line 3 (2), email: refused. 'nobody'" in stream.getvalue()
    assert "Nothing imported: 1 new, 0 changed, 0 unchanged" in str(stopped.value)
    assert not Person.objects.exists()


def test_a_dry_run_says_it_all_and_does_nothing(file: Path) -> None:
    said = run("import_persons", file, dry_run=True, accept_partial=True)
    assert "Line 3" in said
    assert "Would import: 1 new" in said
    assert not Person.objects.exists()
    assert not AuditEvent.objects.exists()


def test_the_good_rows_are_imported_on_a_word(file: Path) -> None:
    assert "Imported: 1 new, 0 changed, 0 unchanged" in run("import_persons", file, accept_partial=True)
    assert [row.display_name for row in Person.objects.all()] == ["Ada Berg"]


def test_what_waits_is_told(file: Path) -> None:
    for number in range(20):
        person(f"c{number}", sid="")
    person("ada", personnel_number="1", display_name="Ada Berg", email="old@example.com", sid="")
    said = run("import_persons", file, accept_partial=True)
    assert "Line 2 (1), email: waits for a second officer." in said
    assert Person.objects.get(personnel_number="1").email == "old@example.com"
    assert IdentityChange.objects.get().new == {"email": "ada@example.com"}


@pytest.mark.parametrize("content", [b"", b"a;b\n1;2\n", b"\xff\xff"])
def test_files_that_are_none_end_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"\.$"):
        run("import_persons", path)
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_persons", tmp_path / "missing.csv")


# --- create_officer --------------------------------------------------------------------------------
@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed at the prompts."""
    answers = [PASSWORD, PASSWORD]
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: answers.pop(0))
    return answers


def create(*roles: str, **options: Any) -> str:
    arguments = [f"--role={role}" for role in roles]
    return run("create_officer", *arguments, **(OFFICER | options))


def test_the_first_officer_can_sign_in_and_it_is_audited(typed: list[str]) -> None:
    create("system-administrator", "user-administrator")
    account = Account.objects.get(username="sven")
    assert account.check_password(PASSWORD)
    assert account.person.is_active
    assert set(account.person.roles.values_list("role", "organisational_unit")) == {
        ("system-administrator", ""),
        ("user-administrator", ""),
    }
    assert list(AuditEvent.objects.values_list("name", flat=True)) == [
        Event.PERSON_CREATED.value,
        Event.ACCOUNT_CREATED.value,
        Event.ROLE_ASSIGNED.value,
        Event.ROLE_ASSIGNED.value,
    ]


def test_without_anybody_to_ask_the_password_must_lie_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from cron, or `docker compose exec --no-TTY`."""

    def ends(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", ends)
    with pytest.raises(CommandError, match="--password-file"):
        create("approver")


def test_a_password_file_is_read_to_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\nmore\n")
    create("auditor", password_file=path)
    assert Account.objects.get().check_password(PASSWORD)


def test_with_a_system_administrator_there_officers_are_made_in_the_portal(typed: list[str]) -> None:
    create("system-administrator")
    again = {"username": "sara", "personnel_number": "2", "email": "sara@example.com"}
    with pytest.raises(CommandError, match="in the portal"):
        create("auditor", **again)
    typed.extend([PASSWORD, PASSWORD])
    create("auditor", force=True, **again)
    assert Account.objects.count() == 2


@pytest.mark.parametrize(
    ("options", "roles", "sentence"),
    [
        ({"username": "Sven L"}, ["auditor"], "username: A user name holds"),
        ({"surname": "L\u202eX"}, ["auditor"], "surname: Holds characters"),
        ({"email": "nobody"}, ["auditor"], "email: 'nobody'"),
        ({"language": "fr"}, ["auditor"], "language: Is not known"),
        ({}, ["auditor", "approver"], "role: This does not go together"),
    ],
)
def test_a_fault_is_named_and_nobody_is_half_made(
    typed: list[str], options: dict[str, str], roles: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        create(*roles, **options)
    assert not Person.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([PASSWORD, PASSWORD + "x"], "differ"),
        (["short", "short"], "too short"),
        (["qwerty123456"] * 2, "too common"),
        (["", ""], "too short"),
    ],
)
def test_a_weak_or_mistyped_password_is_refused(typed: list[str], answers: list[str], sentence: str) -> None:
    typed[:] = answers
    with pytest.raises(CommandError, match=sentence):
        create("auditor")
    assert not Account.objects.exists()
