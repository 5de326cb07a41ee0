"""manage.py first_officers: who is made, who is not, and where the codes go."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pytest_django import Settings

from identity_manager.audit import Event
from identity_manager.models import Account, AuditEvent, OutgoingMail, Person, Role, SignInCode
from identity_manager.people.officers import roles
from identity_manager.workflow.people import first_officers, sign_in_code_policy, sign_in_codes
from identity_manager.workflow.people.sign_in_code_policy import Stage

pytestmark = pytest.mark.django_db
PASSWORD = "the-weather-is-fine-today"
ROLES = (
    "system-administrator",
    "system-administrator",
    "user-administrator",
    "registration-officer",
    "registration-officer",
    "token-administrator",
    "approver",
    "approver",
)
# Five persons are enough where nobody may hold conflicting roles.
FEW = (
    ("system-administrator", "registration-officer"),
    ("system-administrator", "registration-officer"),
    ("user-administrator", "token-administrator"),
    ("approver",),
    ("approver",),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def officer(number: int, *held: str, **more: Any) -> dict[str, Any]:
    return {
        "personnel_number": f"O-{number}",
        "given_name": "Given",
        "surname": f"Name{'abcdefgh'[number - 1]}",
        "email": f"officer{number}@example.com",
        "roles": list(held),
        **more,
    }


EIGHT = [officer(number, role) for number, role in enumerate(ROLES, 1)]


def listed(folder: Path, officers: list[dict[str, Any]]) -> Path:
    path = folder / "officers.json"
    path.write_text(json.dumps({"officers": officers}), encoding="utf-8")
    return path


def made(folder: Path, officers: list[dict[str, Any]] = EIGHT, **options: Any) -> str:
    output = Terminal()
    call_command("first_officers", from_file=listed(folder, officers), stdout=output, **options)
    return output.getvalue()


def nobody() -> None:
    assert not Person.objects.exists()
    assert not AuditEvent.objects.exists()
    assert not SignInCode.objects.exists()


@pytest.mark.database
def test_eight_officers_of_a_file_sign_in_by_their_codes(tmp_path: Path) -> None:
    output = made(tmp_path)
    for line, told in zip(output.splitlines(), EIGHT, strict=False):
        number, _given, _surname, code, *_labels = line.split()
        assert number == told["personnel_number"]
        account = sign_in_codes.redeem(name=number, code=code, new_password=PASSWORD)
        assert account.person.email == told["email"]
        assert list(account.person.roles.values_list("role", flat=True)) == told["roles"]
    assert Account.objects.count() == len(EIGHT)


def test_each_act_is_audited_and_each_officer_told_without_the_code(tmp_path: Path) -> None:
    output = made(tmp_path)
    names = list(AuditEvent.objects.values_list("name", flat=True))
    each = [Event.PERSON_CREATED.value, Event.ROLE_ASSIGNED.value, Event.SIGN_IN_CODE_MADE.value]
    assert names == each * len(EIGHT)
    codes = [line.split()[3] for line in output.splitlines()[: len(EIGHT)]]
    told = [*AuditEvent.objects.values(), *OutgoingMail.objects.values(), *SignInCode.objects.values()]
    assert OutgoingMail.objects.count() == len(EIGHT)
    assert len(set(codes)) == len(EIGHT)
    assert all(code not in str(told) for code in codes)


def test_a_code_that_was_made_waits_for_nobody(tmp_path: Path) -> None:
    made(tmp_path)
    code = SignInCode.objects.first()
    assert code is not None
    assert sign_in_code_policy.stage_of(code) == Stage.MADE
    registration_officer = Person.objects.get(personnel_number="O-4")
    assert not SignInCode.objects.decidable_by(registration_officer).exists()


def test_an_officer_sees_a_code_that_no_officer_made(tmp_path: Path, client: Client) -> None:
    codes = {line.split()[0]: line.split()[3] for line in made(tmp_path).splitlines()[: len(EIGHT)]}
    client.force_login(sign_in_codes.redeem(name="O-4", code=codes["O-4"], new_password=PASSWORD))
    for code in SignInCode.objects.exclude(person__personnel_number="O-4").select_related("person"):
        for address in (f"/sign-in-codes/{code.pk}/", f"/persons/{code.person.pk}/"):
            response = client.get(address)
            assert response.status_code == 200, address
            assert "None" not in response.content.decode()


def test_five_persons_can_hold_them_all(tmp_path: Path) -> None:
    made(tmp_path, [officer(number, *held) for number, held in enumerate(FEW, 1)])
    assert Person.objects.count() == len(FEW)


def test_the_set_needs_no_role_beside_another() -> None:
    """Each role by a person of its own is possible whatever roles conflict."""
    for role in first_officers.NEEDED:
        assert roles.conflict(role, []) is None
    assert roles.conflict(Role.TOKEN_ADMINISTRATOR, [Role.APPROVER]) is not None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda them: them.pop(), "Too few persons have the role Approver: 1 of 2"),
        (lambda them: them[0].update(email=""), "Officer 1: email: Enter the e-mail address"),
        (lambda them: them[0].pop("surname"), "Officer 1: surname: Enter the surname"),
        (lambda them: them[1].update(email="OFFICER1@example.com"), "Officer 2: email: Another officer"),
        (lambda them: them[1].update(personnel_number="o-1"), "Officer 2: personnel_number: Another"),
        (
            lambda them: them[5].update(roles=["token-administrator", "approver"]),
            "Officer 6: roles: This does",
        ),
        (lambda them: them[5].update(roles=["token-administrator"] * 2), "Officer 6: roles: This role is"),
        (lambda them: them[5].update(roles=["self-service-user"]), "Officer 6: roles: This is not a role"),
        (lambda them: them[5].update(roles=["king"]), "Officer 6: roles: a list is needed, of: approver"),
        (lambda them: them[5].update(roles=[]), "Officer 6: roles: An officer needs"),
        (lambda them: them[5].update(roles="approver"), "Officer 6: roles: a list is needed"),
        (lambda them: them[5].update(given_name=7), "Officer 6: given_name: text is needed"),
        (lambda them: them[5].update(password="x"), "Officer 6: password: not known"),
        (lambda them: them[5].update(language="xx"), "Officer 6: language: Is not known"),
        (lambda them: them[5].update(surname="L\u202eX"), "Officer 6: surname: Holds characters"),
    ],
)
def test_what_is_wrong_is_named_and_nobody_is_made(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], None], sentence: str
) -> None:
    them = [dict(each) for each in EIGHT]
    change(them)
    with pytest.raises(CommandError) as caught:
        made(tmp_path, them)
    assert sentence in str(caught.value)
    nobody()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        made(tmp_path, [officer(1, "approver", email="nobody"), officer(2, "auditor", "approver")])
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Officer 1: email: ")
    assert lines[1].startswith("Officer 2: roles: ")
    assert "Too few persons have the role System Administrator: 0 of 2." in lines


@pytest.mark.parametrize("content", ["", "[]", '{"officers": {}}', '{"officers": [1]}', "\xff"])
def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "officers.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError, match=r"officers\.json"):
        call_command("first_officers", from_file=path, stdout=Terminal())
    with pytest.raises(CommandError, match=r"missing cannot be read|cannot be read"):
        call_command("first_officers", from_file=tmp_path / "missing", stdout=Terminal())


def test_a_dry_run_makes_nobody(tmp_path: Path) -> None:
    output = io.StringIO()
    call_command("first_officers", from_file=listed(tmp_path, EIGHT), dry_run=True, stdout=output)
    assert "Nothing is wrong with these 8 officers" in output.getvalue()
    nobody()


def test_where_there_are_officers_it_refuses(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(CommandError, match=r"There are officers already\."):
        made(tmp_path)
    assert Person.objects.count() == len(EIGHT)


def test_somebody_who_is_there_keeps_number_and_address(tmp_path: Path) -> None:
    Person.objects.create(
        personnel_number="O-1", given_name="A", surname="B", display_name="A B", email="officer2@example.com"
    )
    with pytest.raises(CommandError) as caught:
        made(tmp_path)
    assert "Officer 1: personnel_number: Belongs to another person already." in str(caught.value)
    assert "Officer 2: email: Belongs to another person already." in str(caught.value)


# --- Where the codes go
def test_codes_are_not_shown_where_a_log_may_catch_them(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--codes-file"):
        call_command("first_officers", from_file=listed(tmp_path, EIGHT), stdout=io.StringIO())
    nobody()


def test_codes_in_a_file_are_for_who_has_run_it(tmp_path: Path) -> None:
    place, output = tmp_path / "codes.json", io.StringIO()
    call_command("first_officers", from_file=listed(tmp_path, EIGHT), codes_file=place, stdout=output)
    codes = json.loads(place.read_text(encoding="utf-8"))
    assert place.stat().st_mode & 0o777 == 0o600
    assert set(codes) == {each["personnel_number"] for each in EIGHT}
    assert all(code not in output.getvalue() for code in codes.values())
    sign_in_codes.redeem(name="O-1", code=codes["O-1"], new_password=PASSWORD)


def test_a_codes_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "codes.json"
    place.touch()
    with pytest.raises(CommandError, match="Nobody was made"):
        made(tmp_path, codes_file=place)
    nobody()


def test_where_single_sign_on_is_the_way_no_code_is_made(settings: Settings, tmp_path: Path) -> None:
    settings.SIGN_IN_METHODS = {"console": ["sso"], "selfservice": ["sso"]}
    output = io.StringIO()
    call_command("first_officers", from_file=listed(tmp_path, EIGHT), stdout=output)
    assert "by single sign-on" in output.getvalue()
    assert not SignInCode.objects.exists()
    assert Person.objects.count() == len(EIGHT)


# --- At a terminal
def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    output = Terminal()
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    monkeypatch.setattr(sys, "stdout", output)
    call_command("first_officers", stdout=output)
    return output.getvalue()


def answers(number: int) -> list[str]:
    told = EIGHT[number - 1]
    return [told["personnel_number"], told["given_name"], told["surname"], told["email"]]


def test_it_asks_role_by_role(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for number in range(1, 9) for line in answers(number)]
    output = typed(monkeypatch, *lines, "yes")
    assert "System Administrator 2 of 2" in output
    assert "Made 8 officers." in output
    held = {person.personnel_number: person.roles.get().role for person in Person.objects.all()}
    assert held == {each["personnel_number"]: each["roles"][0] for each in EIGHT}


def test_a_wrong_answer_is_asked_again_and_the_others_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """One person holds several roles, unless they conflict."""
    first, second, third = (answers(number) for number in (1, 2, 3))
    wrong = [first[0], "", first[1], first[2], "nobody", first[3]]
    same = [second[0], second[1], second[2], first[3], second[3]]
    rest = [*third, "O-1", "O-1", "O-2", "O-3", "O-3", *answers(7), *answers(8)]
    output = typed(monkeypatch, *wrong, *same, *rest, "yes")
    assert "Enter the given name." in output
    assert "Another officer of this list has it." in output
    assert "This role is given twice." in output
    assert "This does not go together with" in output
    assert "Made 5 officers." in output


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "Nobody is there to answer; name a file: --from-file"),
        ([line for number in range(1, 9) for line in answers(number)] + ["no"], "Nobody was made."),
    ],
)
def test_who_does_not_say_yes_makes_nobody(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        typed(monkeypatch, *lines)
    nobody()
