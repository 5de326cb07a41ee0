"""Certificates in SEARCH: found by their numbers, and by what they are; one of uma's is there."""

import copy
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import Certificate, Role
from tests.architecture.standing import taken_back
from tests.identity_manager.console.search.test_search_filters import SEARCH, certificates, in_days
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[cast.Company]:
    """Built once, and taken back in the end: each test here begins with it."""
    with django_db_blocker.unblock(), taken_back():
        company = cast.Company()
        company.request_in("completed")
        Certificate.objects.update(serial="a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4")
        yield company


@pytest.fixture
def company(standing: cast.Company, db: None) -> cast.Company:
    return copy.deepcopy(standing)


@pytest.fixture
def certificate(company: cast.Company) -> Certificate:
    row: Certificate = Certificate.objects.get()
    return row


@pytest.mark.parametrize(
    "text",
    [
        "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4",
        "A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3:D4",
        "a1 b2 c3 d4",
        "A1B2C3",
        "00a1b2c3d4",
        "0xA1B2C3D4",
        "A1-B2-C3",
        str(0xA1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4),
    ],
)
def test_a_serial_number_is_found_as_any_program_writes_it(
    ada: Client, certificate: Certificate, text: str
) -> None:
    assert certificates(ada, q=text) == {certificate}


@pytest.mark.parametrize(
    "text", ["0a:1b:2c", "a1b2c", "0A1B2C", "00a1b2c", "0x0a1b", str(0x0A1B2C3D4E5F60718293A4B5C6D7E8F9)]
)
def test_a_serial_number_that_begins_with_a_zero_is_found_with_and_without(
    ada: Client, certificate: Certificate, text: str
) -> None:
    Certificate.objects.filter(pk=certificate.pk).update(serial="0a1b2c3d4e5f60718293a4b5c6d7e8f9")
    assert certificates(ada, q=text) == {certificate}


@pytest.mark.parametrize("text", ["b2c3d4", "a1b2c3d5", "0", "00:00", "xyz", "9" * 60])
def test_other_numbers_find_nothing(ada: Client, certificate: Certificate, text: str) -> None:
    assert certificates(ada, q=text) == set()


def test_a_fingerprint_is_found(ada: Client, certificate: Certificate) -> None:
    assert certificates(ada, q=certificate.fingerprint_sha256.upper()) == {certificate}


def test_certificates_are_found_by_person_subject_type_issuer_state(
    ada: Client, certificate: Certificate
) -> None:
    for asked in (
        {"q": "lindqvist uma"},
        {"q": certificate.subject},
        {"token_type": "vpn"},
        {"issuer": certificate.issuer},
        {"state": "valid"},
    ):
        assert certificates(ada, **asked) == {certificate}, asked
    for asked in ({"q": "stone"}, {"token_type": "signature"}, {"issuer": "CN=other"}, {"state": "revoked"}):
        assert certificates(ada, **asked) == set(), asked


def test_certificates_are_found_by_when_they_expire_and_were_revoked(
    ada: Client, certificate: Certificate
) -> None:
    now = timezone.now()
    row = Certificate.objects.get()
    row.not_after = now + timedelta(days=30)
    row.revocation_decided_at = now
    row.save()
    assert certificates(ada, expires_before=in_days(31), expires_from=in_days(29)) == {certificate}
    assert (
        certificates(ada, expires_before=in_days(29)) == certificates(ada, expires_from=in_days(32)) == set()
    )
    assert certificates(ada, state="revocation-waits") == {certificate}
    assert certificates(ada, revoked_from=in_days(-1)) == set()

    row.revoke(now=now)
    row.save()
    assert certificates(ada, revoked_from=in_days(0), revoked_until=in_days(0)) == {certificate}
    assert certificates(ada, revoked_until=in_days(-1)) == set()
    assert certificates(ada, state="revocation-waits") == set()
    found = ada.get(SEARCH, {"kind": "certificate", "revoked_from": in_days(0)})
    assert found.context["sort"] == "-revoked"
    found = ada.get(SEARCH, {"kind": "certificate", "sort": "revoked"})
    assert found.context["sort"] == "-issued"  # no index has all certificates in the other order


def test_a_certificate_leads_to_its_request_or_to_its_person(
    ada: Client, company: cast.Company, certificate: Certificate
) -> None:
    def url(client: Client) -> Any:
        return client.get(SEARCH, {"kind": "certificate"}).context["rows"][0].url

    assert url(ada) == reverse("console:request", args=[certificate.token.request_id])
    assert url(signed_in(company.rita)) == reverse("console:person", args=[company.uma.pk])


def test_no_key_is_read_to_list_certificates(ada: Client, certificate: Certificate) -> None:
    (row,) = ada.get(SEARCH, {"kind": "certificate"}).context["rows"]

    assert {"private_key_wrapped", "certificate"} <= row.certificate.get_deferred_fields()
    assert {"passphrase_wrapped", "snapshot"} <= row.certificate.token.get_deferred_fields()


@pytest.mark.parametrize("kind", ["request", "certificate"])
def test_a_role_of_another_unit_finds_nothing(
    company: cast.Company, certificate: Certificate, kind: str
) -> None:
    south = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Süd"))
    north = signed_in(officer("nelly", Role.TOKEN_ADMINISTRATOR, unit="Nord"))

    assert south.get(SEARCH, {"kind": kind}).context["rows"] == []
    assert f"0 of 0 {kind}s" in south.get(SEARCH, {"kind": kind}).text
    assert len(north.get(SEARCH, {"kind": kind}).context["rows"]) == 1


@pytest.mark.parametrize("kind", ["employee", "external", "request", "certificate"])
@pytest.mark.parametrize("text", ["%' OR 1=1 --", "\x00", "\ud800".encode("utf-8", "replace").decode(), "''"])
def test_nonsense_is_data(ada: Client, certificate: Certificate, kind: str, text: str) -> None:
    assert ada.get(SEARCH, {"kind": kind, "q": text}).status_code == 200
