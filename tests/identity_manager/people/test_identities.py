"""E-mail, UPN and SID name one person only, also where they are written otherwise."""

import unicodedata

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_bridge.errors import CaError
from identity_manager.directory import csv_file
from identity_manager.management.doctor import database
from identity_manager.management.doctor.check_result import Level
from identity_manager.models import Person, PersonSource, PersonState
from identity_manager.models.people.upn_key import fill, upn_key
from identity_manager.people import persons
from identity_manager.people.identity import identity_changes, principal_names, security_identifiers
from identity_manager.people.imports import plan as import_plan
from identity_manager.people.imports import uniqueness
from identity_manager.people.validation import clean, unfit
from identity_manager.transactions.refusals import NotPossible
from tests.tools import cast
from tests.tools.sign_in import signed_in

BOUNDED = settings(deadline=None, derandomize=True, database=None)
NUMBER = st.integers(min_value=0, max_value=2**32 - 1)
SAME = ["JOSE@corp.example.com", "jos\u00e9@corp.example.com", "Jos\u00c9@CORP.example.com"]


@BOUNDED
@given(numbers=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER))
def test_an_account_is_kept_as_it_is_written(numbers: tuple[int, ...]) -> None:
    text = "-".join(map(str, ("S-1-5-21", *numbers)))
    assert security_identifiers.parse(text) == numbers
    assert security_identifiers.canonical(text) == security_identifiers.canonical(text.lower()) == text


@BOUNDED
@given(text=st.text(max_size=60) | st.from_regex(r"[sS]-1-5-21(-[0-9]{1,12}){1,6}", fullmatch=True))
def test_one_identifier_has_one_text(text: str) -> None:
    try:
        kept = security_identifiers.canonical(text)
    except CaError:
        return
    numbers = security_identifiers.parse(text)
    assert numbers is not None
    assert len(numbers) == 4
    assert max(numbers) < 2**32
    assert kept == "-".join(map(str, ("S-1-5-21", *numbers)))


@BOUNDED
@given(
    before=st.text(min_size=1, max_size=30), domain=st.sampled_from(["corp.example.com", "CORP", "b\u00fc.x"])
)
def test_a_name_that_is_kept_shows_all_that_it_holds(before: str, domain: str) -> None:
    kept = clean({"upn": f"{before}@{domain}"}).values.get("upn")
    if not kept:
        return
    assert not any(unicodedata.category(letter) in ("Cf", "Cc", "Co", "Cs", "Zs") for letter in kept)
    assert unicodedata.normalize("NFKC", kept) == kept
    assert principal_names.canonical(kept) == kept
    assert upn_key(kept) == upn_key(kept.upper()) == upn_key(kept.lower())


@BOUNDED
@given(text=st.text(max_size=40))
def test_case_accents_and_width_do_not_tell_names_apart(text: str) -> None:
    key = upn_key(text)
    assert len(key) == 64
    assert upn_key(unicodedata.normalize("NFD", text)) == upn_key(unicodedata.normalize("NFC", text)) == key
    assert upn_key("".join(f"{letter}\u0301" if letter.isalpha() else letter for letter in text)) == key


def test_kana_of_both_kinds_are_the_same() -> None:
    assert (
        upn_key("\u3055\u304f\u3089@x") == upn_key("\u30b5\u30af\u30e9@x") != upn_key("\u30b5\u30af\u30e8@x")
    )


@pytest.fixture
def jose(db: None) -> Person:
    return cast.person("jose", upn="jose@corp.example.com", sid="")


@pytest.mark.parametrize("upn", SAME)
def test_a_upn_belongs_to_one_person_as_active_directory_compares(jose: Person, upn: str) -> None:
    values = {"personnel_number": "2", "given_name": "Josef", "surname": "Berg", "upn": upn}
    with pytest.raises(NotPossible) as refused:
        persons.create_active(actor=None, values=values)
    assert refused.value.field == "upn"
    assert uniqueness.owners("upn", [upn]) == {upn_key(upn): "P-jose"}


@pytest.mark.parametrize("upn", SAME)
def test_the_database_holds_it_too(jose: Person, upn: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        cast.person("josef", upn=upn, sid="", email="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.bulk_create([Person(personnel_number="3", upn=upn)])


def test_a_change_of_a_upn_is_compared_too(jose: Person) -> None:
    rita, other = cast.person("rita"), cast.person("other", sid="")
    for upn in SAME:
        with pytest.raises(NotPossible):
            persons.edit(
                actor=rita,
                person_id=other.pk,
                version=other.version,
                values={"given_name": "Other", "surname": "Muster", "upn": upn},
            )
    other.upn = SAME[1]
    other.compare_upn()
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()


def test_the_spelling_of_ones_own_name_can_be_changed(jose: Person) -> None:
    edited = persons.edit(
        actor=cast.person("rita"),
        person_id=jose.pk,
        version=jose.version,
        values={"given_name": "Jose", "surname": "Muster", "upn": SAME[1], "email": "Jose@example.com"},
    )
    assert edited.waits is not None
    assert edited.waits.new == {"upn": SAME[1], "email": "Jose@example.com"}


def test_a_confirmed_change_claims_the_new_name_and_frees_the_old_one(jose: Person) -> None:
    rita, roger = cast.person("rita"), cast.person("roger", roles=(cast.Role.REGISTRATION_OFFICER,))
    change = identity_changes.ask(
        jose, new={"upn": "j\u00f6@corp.example.com"}, source=PersonSource.MANUAL, actor=rita
    )
    identity_changes.confirm(actor=roger, change_id=change.pk)

    assert Person.objects.get(pk=jose.pk).upn_key == upn_key("jo@corp.example.com")
    assert cast.person("josef", upn=SAME[1], sid="").upn_key == upn_key(SAME[0])


def test_who_is_locked_gives_the_name_free(jose: Person) -> None:
    jose.lock()
    jose.save()
    assert Person.objects.get(pk=jose.pk).upn_key is None
    assert cast.person("josef", upn=SAME[0], sid="").upn_key is not None


def test_two_lines_of_a_file_cannot_have_the_same_name(db: None) -> None:
    text = "personnel_number,given_name,surname,upn\n1,A,B,jose@x.example\n2,A,B,jos\u00e9@x.example\n"
    planned = import_plan.plan(csv_file.read(text.encode()))
    assert [[error.field for error in row.errors] for row in planned.rows] == [[], ["upn"]]


@pytest.fixture
def twins(jose: Person) -> Person:
    """Of before: two persons whose names are the same one now."""
    twin = cast.person("twin", sid="S-1-5-21-01-2-3-1001", upn="twin@corp.example.com")
    Person.objects.filter(pk=twin.pk).update(upn=SAME[1], upn_key=None, surname="M\u200bxx")
    Person.objects.filter(pk=jose.pk).update(upn_key=None)
    assert fill(Person.objects.all()) == 1
    assert Person.objects.get(pk=jose.pk).upn_key == upn_key(SAME[0])
    return Person.objects.get(pk=twin.pk)


def test_what_was_there_before_goes_on(twins: Person) -> None:
    twins.department = "Elsewhere"
    twins.save()

    assert Person.objects.get(pk=twins.pk).upn_key is None
    assert cast.enabled(cast.person("ada"), twins).state == "awaiting_acceptance"
    assert fill(Person.objects.all()) == 1, "as often as it is asked"


def test_once_the_other_is_mended_it_is_compared(twins: Person, jose: Person) -> None:
    Person.objects.filter(pk=jose.pk).update(upn="other@corp.example.com", upn_key="0" * 64)
    twins.save()
    assert Person.objects.get(pk=twins.pk).upn_key == upn_key(SAME[0])


def test_the_doctor_and_the_page_name_what_no_longer_fits(twins: Person) -> None:
    (finding,) = database.principal_names()
    assert (finding.level, "P-twin" in finding.says) == (Level.WARNING, True)
    assert {error.field for error in unfit(twins)} == {"surname", "sid"}

    browser: Client = signed_in(cast.person("rita"))
    text = browser.get(reverse("console:person", args=[twins.pk])).text
    for words in ("Does not fit any more", "U+200B", "is no security", "takes it for that of another"):
        assert words.lower() in text.lower(), words


def test_of_a_person_who_fits_nothing_is_said(jose: Person) -> None:
    (finding,) = database.principal_names()
    assert finding.level == Level.OK
    assert unfit(jose) == []
    text = signed_in(cast.person("rita")).get(reverse("console:person", args=[jose.pk])).text
    assert "Does not fit any more" not in text
    jose.deactivate()
    assert jose.state == PersonState.INACTIVE
