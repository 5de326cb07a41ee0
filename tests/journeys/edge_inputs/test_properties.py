"""Whatever a record says: it is refused by a sentence, or the certificate says what the approver saw.

Examples are drawn by hypothesis, always the same ones.
"""

import csv
import io
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from identity_manager.models import Certificate, Person, TokenRequest
from identity_manager.people import persons, validation
from identity_manager.person_fields import DIRECTORY_FIELDS, TEXT_FIELDS
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.people import imports
from tests.architecture.standing import taken_back
from tests.journeys.edge_inputs.seen import issued_names, seen_names
from tests.tools import cast

pytestmark = pytest.mark.long

BOUNDED = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
SCRIPTS = "ÄöüßŁłøÉñçğıİœæÞ山田太郎김李عليحدאבΕληνшевчप्रिया'’.- ,+=\"\\#;<>/&"
NAME = st.text(alphabet=SCRIPTS + "abcdefgXYZ0189", min_size=1, max_size=90)
ANY_TEXT = st.text(max_size=300) | NAME
LOCAL = st.text(alphabet="abcXYZ019.+_-'!#$%&", min_size=1, max_size=40)
DOMAIN = st.sampled_from(
    ["example.com", "bücher.example", "例え.example", "sub.example.org", "x-y.example.net"]
)
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN) | ANY_TEXT


def fields(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({"given_name": text, "surname": text}, optional={"display_name": text})


@BOUNDED
@given(values=st.fixed_dictionaries(dict.fromkeys(TEXT_FIELDS, ANY_TEXT)))
def test_what_is_kept_is_clean_and_the_rest_has_a_sentence(values: dict[str, str]) -> None:
    cleaned = validation.clean(values)

    assert set(cleaned.values) | {error.field for error in cleaned.errors} == set(values)
    assert all(error.sentence.strip() for error in cleaned.errors)
    for value in cleaned.values.values():
        assert unicodedata.is_normalized("NFC", value)
        assert not any(unicodedata.category(symbol) in ("Cc", "Co", "Cs") for symbol in value)
    assert validation.clean(values | cleaned.values).values.items() >= cleaned.values.items()


@BOUNDED
@given(address=ADDRESS)
def test_an_address_that_is_kept_is_kept_the_second_time(address: str) -> None:
    kept = validation.clean({"email": address}).values.get("email")
    assume(kept)
    assert kept is not None
    assert kept.isascii()
    assert kept.count("@") == 1
    assert validation.clean({"email": kept}).values["email"] == kept


def requested(values: dict[str, str]) -> TokenRequest | str:
    """The request of a new person; or the sentence that refuses one of them."""
    try:
        person = persons.create_active(actor=None, values={"personnel_number": "1", **values})
        return cast.enabled(cast.person("ada"), person)
    except Refused as refused:
        return str(refused)


@pytest.mark.django_db
@settings(BOUNDED, max_examples=25)
@given(names=fields(NAME | ANY_TEXT), address=ADDRESS)
def test_a_certificate_says_what_the_approver_saw(names: dict[str, str], address: str) -> None:
    with taken_back():
        made = requested({"email": address, **names})
        if isinstance(made, str):
            assert made.strip()
            return
        request = cast.issued(cast.accepted(made))
        assert request.state == "issued", request.reason_words
        assert issued_names(Certificate.objects.get()) == seen_names(request)


@pytest.mark.django_db
@settings(BOUNDED, max_examples=15)
@given(names=fields(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=70)))
def test_a_name_of_letters_gets_its_certificate(names: dict[str, str]) -> None:
    """So that the test above does not see refusals alone."""
    with taken_back():
        made = requested({"email": "jane@example.com", **names})
        assert not isinstance(made, str), made
        cast.issued(cast.accepted(made))
        assert issued_names(Certificate.objects.get()) == seen_names(made)


CELL = NAME | st.sampled_from(
    ["", "=1+1", "active", "locked", "2026-13-01", "\x00", "a\nb", '"', ";", "\u202e", "x" * 500]
)
ROW = st.dictionaries(st.sampled_from(list(DIRECTORY_FIELDS)), CELL, max_size=len(DIRECTORY_FIELDS))


def as_file(rows: list[dict[str, str]], *, encoding: str, delimiter: str) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(DIRECTORY_FIELDS), delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode(encoding, errors="replace")


FILES = st.builds(
    as_file,
    st.lists(ROW, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
) | st.binary(max_size=400)


def imported(content: bytes) -> str:
    """What the officer reads who imports the file, good rows and all; empty where it is done."""
    officer = cast.person("rita")
    try:
        kept = imports.upload(actor=officer, file_name="persons.csv", content=content)
        plan = imports.plan_of(kept)
        assert plan is not None
        imports.carry_out(actor=officer, import_id=kept.pk, digest=plan.digest, accept_partial=True)
    except Refused as refused:
        return str(refused)
    return ""


@pytest.mark.django_db
@settings(BOUNDED, max_examples=40)
@given(content=FILES)
def test_any_file_is_read_row_by_row_or_refused(content: bytes) -> None:
    with taken_back():
        sentence = imported(content)

        assert sentence == sentence.strip()
        if sentence:
            assert list(Person.objects.values_list("personnel_number", flat=True)) == ["P-rita"]
