"""An approver reads what they sign: all that the certificates will say, wherever they decide."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from asn1crypto import core
from cryptography import x509
from django.test import Client
from django.urls import reverse

from ca_bridge.x509.subject_alt_names import SID_EXTENSION_OID, UPN_OID
from identity_manager.models import ApprovalPolicy, Certificate, Person, TokenRequest
from identity_manager.workflow import snapshot
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
FULL = {
    "subject": [
        ["organizationName", "Example, Incorporated"],
        ["commonName", "{display_name}"],
        ["givenName", "{given_name}"],
        ["surname", "{surname}"],
        ["serialNumber", "{personnel_number}"],
        ["organizationalUnitName", "{department}"],
    ],
    "subject_alt_names": [
        ["email", "{email}"],
        ["upn", "{upn}"],
        ["uri", "https://people.example.com/{personnel_number}"],
    ],
    "include_sid": True,
    "extended_key_usage": ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4", "1.2.3.4.5"],
}


def on_its_page(browser: Client, row: TokenRequest) -> str:
    return browser.get(reverse("console:request", args=[row.pk])).text


def in_the_dialog(browser: Client, row: TokenRequest) -> str:
    address = reverse("console:request-decide", args=[row.pk])
    return browser.get(address, headers={"HX-Request": "true"}).text


def before_a_rejection(browser: Client, row: TokenRequest) -> str:
    return browser.get(reverse("console:request-reject", args=[row.pk])).text


def before_it_is_postponed(browser: Client, row: TokenRequest) -> str:
    return browser.get(reverse("console:request-postpone", args=[row.pk])).text


def among_several(browser: Client, _row: TokenRequest) -> str:
    return browser.get(reverse("console:decisions")).text


def before_several_are_rejected(browser: Client, row: TokenRequest) -> str:
    chosen = {"requests": [f"{row.pk}:{row.snapshot_hash}"]}
    return browser.post(reverse("console:decisions-reject"), chosen).text


PLACES = [
    on_its_page,
    in_the_dialog,
    before_a_rejection,
    before_it_is_postponed,
    among_several,
    before_several_are_rejected,
]


def said_by(certificate: x509.Certificate) -> set[str]:
    """Every value of the subject, every alternative name, and the SID."""
    found = {str(attribute.value) for attribute in certificate.subject}
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for name in names:
        if isinstance(name, x509.OtherName):
            assert name.type_id == UPN_OID
            found.add(core.UTF8String.load(name.value).native)
        else:
            found.add(str(name.value))
    (sid,) = [each.value for each in certificate.extensions if each.oid == SID_EXTENSION_OID]
    (text,) = re.findall(rb"S-1-[0-9-]+", sid.value)
    return found | {text.decode()}


@pytest.fixture
def request_(company: cast.Company) -> TokenRequest:
    """Two types with a certificate each; what the second one says differs."""
    cast.profile("full", **FULL)
    cast.profile("mail", **(FULL | {"subject_alt_names": [["email", "{email}"]]}))
    first = cast.token_type("full", profiles=("full",), approval=ApprovalPolicy.ALWAYS)
    second = cast.token_type("mail", profiles=("mail",), approval=ApprovalPolicy.ALWAYS)
    return cast.enabled(company.ada, company.uma, first, second)


@pytest.mark.parametrize("place", PLACES)
def test_all_that_is_issued_was_read_before_it_was_approved(
    paul: Client, company: cast.Company, request_: TokenRequest, place: Callable[..., str]
) -> None:
    text = unescape(place(paul, request_))

    cast.issued(cast.accepted(cast.approved(company.paul, request_)))
    issued = Certificate.objects.filter(token__request=request_)
    said = set[str]().union(
        *(said_by(x509.load_der_x509_certificate(bytes(each.certificate))) for each in issued)
    )
    assert len(issued) == 2
    assert {company.uma.sid, company.uma.upn, "Example, Incorporated", "Research"} <= said
    assert {value for value in said if value not in text} == set()


@pytest.mark.parametrize("place", PLACES)
def test_each_is_named(paul: Client, request_: TokenRequest, place: Callable[..., str]) -> None:
    text = unescape(place(paul, request_))

    for words in (
        *("Uma Lindqvist", "For full", "For mail", "E-mail protection", "1.2.3.4.5"),
        *("Organisational unit", "Personnel number", "User principal name", "Security identifier"),
    ):
        assert words in text, words
    assert "commonName" not in text
    assert "serialNumber" not in text


@pytest.mark.parametrize("place", PLACES)
def test_it_is_what_was_asked_for_and_not_the_person_of_now(
    paul: Client, company: cast.Company, request_: TokenRequest, place: Callable[..., str]
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(upn="other@corp.example.com")

    text = unescape(place(paul, request_))

    line = request_.tokens.get(type_code="full").snapshot["certificates"][0]
    assert dict(line["content"]["subject_alt_names"])["upn"] == "uma@corp.example.com" in text
    assert snapshot.digest(token.snapshot for token in request_.tokens.all()) == request_.snapshot_hash


@pytest.mark.parametrize("place", PLACES)
def test_a_value_cannot_pretend_to_be_two(
    paul: Client, company: cast.Company, place: Callable[..., str]
) -> None:
    """One attribute to a line: a comma in a name begins no other one."""
    Person.objects.filter(pk=company.uma.pk).update(display_name="Uma, surname=Weber")
    row = cast.enabled(company.ada, Person.objects.get(pk=company.uma.pk), company.signature)

    text = unescape(place(paul, row))

    assert re.search(r"<dd[^>]*>\s*(<bdi[^>]*>)?Uma, surname=Weber\s*<", text)
