"""The demo organisation: who is in it, that it is always the same, and that it never comes to production."""

import json
import stat
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from identity_manager.audit import Event
from identity_manager.demo import cast, catalogue, organisation
from identity_manager.models import (
    Account,
    AuditEvent,
    Person,
    RecoveryCertificate,
    TermsDocument,
    TokenType,
)
from identity_manager.models.people.role import OFFERED_ROLES, Role
from identity_manager.workflow.policy import eligibility
from tests.tools.cast import person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
RESERVED = ("example.com", "example.org", "example.net")


@pytest.fixture(autouse=True)
def secrets_dir(settings: Any, tmp_path: Path) -> Path:
    settings.SECRETS_DIR = tmp_path
    return tmp_path


def load() -> str:
    stream = StringIO()
    call_command("load_demo", stdout=stream)
    return stream.getvalue()


def test_it_is_always_the_same_file() -> None:
    assert organisation.as_csv() == organisation.as_csv()
    assert len(list(organisation.persons())) == organisation.SIZE


def test_addresses_are_reserved_ones_and_ascii() -> None:
    for row in organisation.persons():
        for address in filter(None, (row.get("email"), row.get("upn"))):
            assert address.isascii()
            assert address.rpartition("@")[2].removeprefix("corp.") in RESERVED


def test_everybody_comes_through_the_import_in_time() -> None:
    begun = time.monotonic()
    assert load() == "New: 2000 persons, 14 accounts, 5 token types.\n"
    assert time.monotonic() - begun < 15
    states = Counter(Person.objects.values_list("state", flat=True))
    assert states["active"] > 1700
    assert min(states["inactive"], states["registered"]) > 20
    assert Person.objects.filter(email="").count() > 20
    assert Person.objects.filter(kind="external").count() > 100
    assert Person.objects.exclude(manager=None).count() > 1000
    assert AuditEvent.objects.get(name=Event.PERSONS_IMPORTED.value).facts["counts"]["create"] == 2000
    for text in (
        "山田太郎",
        "山田",
        "müller",
        "yilmaz",
        "łukasz",
        "حداد",
        "ελενη",
        "nguyen",
        "김",
        "schillingsfurst",
    ):
        assert Person.objects.matching(text).exists(), text


@pytest.mark.nightly
def test_everybody_active_with_an_address_can_get_a_token_of_some_type() -> None:
    load()
    for row in Person.objects.filter(state="active").exclude(email="")[:300]:
        choices = eligibility.type_choices(row)
        assert [
            choice.reason for choice in choices if choice.reason not in (None, eligibility.WRONG_KIND)
        ] == []
        assert any(choice.available for choice in choices)


@pytest.mark.nightly
def test_a_second_run_changes_nothing_and_keeps_the_passwords() -> None:
    load()
    before = cast.path().read_bytes()
    events = AuditEvent.objects.count()
    gone = Person.objects.filter(state="active", account=None).first()
    assert gone is not None
    gone.deactivate()
    gone.save()
    Person.objects.get(account__username="sven").roles.all().delete()
    vpn = TokenType.objects.get(code="vpn")
    vpn.retire()
    vpn.save()
    assert load() == "New: 0 persons, 0 accounts, 0 token types.\n"
    assert cast.path().read_bytes() == before
    assert AuditEvent.objects.count() == events
    assert Person.objects.get(pk=gone.pk).state == "inactive"
    assert not Person.objects.get(account__username="sven").roles.exists()
    assert TokenType.objects.get(code="vpn").state == "retired"


def test_persons_who_are_in_its_way_end_in_one_sentence() -> None:
    person("x", email="ada@example.com", sid="", upn="")
    with pytest.raises(CommandError, match="does not fit in"):
        load()
    assert Person.objects.count() == 1


@pytest.mark.nightly
def test_the_cast_can_sign_in_with_what_is_written_for_the_owner_alone() -> None:
    load()
    assert stat.S_IMODE(cast.path().stat().st_mode) == 0o600
    rows = json.loads(cast.path().read_text(encoding="utf-8"))
    assert {row["username"] for row in rows} == {
        "ada", "paul", "petra", "rita", "ulf", "rosa", "otto", "sven", "uma", "sam", "rolf", "sofia",
        "runa", "rafael",
    }  # fmt: skip
    assert len({row["password"] for row in rows}) == len(rows)
    held = set()
    for row in rows:
        account = Account.objects.get(username=row["username"])
        assert account.check_password(row["password"])
        assert account.person.is_active
        assert account.person.display_name == row["name"]
        assert str(account.person.roles.get().get_role_display()) == row["role"]
        held.add(account.person.roles.get().role)
    assert held == set(OFFERED_ROLES)


@pytest.mark.nightly
def test_a_database_made_anew_gets_the_same_passwords(secrets_dir: Path) -> None:
    rows = [{"username": member.username, "password": f"kept-for-{member.username}"} for member in cast.CAST]
    (secrets_dir / cast.FILE_NAME).write_text(json.dumps(rows), encoding="utf-8")
    load()
    assert Account.objects.get(username="uma").check_password("kept-for-uma")


@pytest.mark.nightly
def test_the_catalogue_is_as_promised() -> None:
    load()
    types = {row.code: row for row in TokenType.objects.active()}
    assert list(types) == list(catalogue.TYPES)
    assert [len(row.ordered_profiles()) for row in types.values()] == [1, 1, 1, 2, 1]
    assert types["signature"].approval == "always"
    assert types["vpn"].key_algorithm == "ec-p256"
    assert all(set(row.name) == set(row.description) == {"en", "de"} for row in types.values())
    texts = TermsDocument.objects.get().current_version()
    for language in ("en", "de"):
        assert 350 < len(texts.text_in(language).body.split()) < 600
        assert not texts.text_in(language).title.startswith("#")


@pytest.mark.nightly
def test_its_encryption_keys_are_archived_for_a_key_that_nobody_has_looked_at() -> None:
    load()
    archiving = TokenType.objects.active().filter(archive_key=True)
    assert set(archiving.values_list("code", flat=True)) == {"encryption", "smime"}
    row = RecoveryCertificate.objects.get()
    assert (row.kind, row.state) == ("online", "in_force")
    assert {row.first_by.given_name, row.second_by.given_name} == {"Runa", "Rafael"}  # type: ignore[union-attr]  # both are there


@pytest.mark.nightly
def test_an_older_demo_gets_no_officers_in_the_place_of_others() -> None:
    load()
    older = [member for member in cast.CAST if member.role == Role.RECOVERY_OFFICER]
    for member in older:
        somebody = Person.objects.get(personnel_number=member.personnel_number)
        Account.objects.filter(person=somebody).delete()
        Person.objects.filter(pk=somebody.pk).update(given_name="Taro")
    assert "0 accounts" in load()


def test_production_has_no_demo(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="production"):
        load()
    assert not Person.objects.exists()
