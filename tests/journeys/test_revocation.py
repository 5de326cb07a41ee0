"""Revoke certificates, and revocation by an administrator: on the CRL, and nothing is handed out any more."""

import pytest
from cryptography import x509

from ca_bridge.connection import registry
from ca_bridge.contract_operation import Publishes
from identity_manager.models import Certificate, SoftwareToken
from tests.journeys.office import Office

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


def serials_on_the_crl() -> set[int]:
    ca = registry.connector("corporate")
    assert isinstance(ca, Publishes)
    published = ca.published("corporate.crl")
    assert published is not None
    return {entry.serial_number for entry in x509.load_der_x509_crl(published[1])}


def given(office: Office) -> SoftwareToken:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    return request.tokens.get()


def test_locked_by_the_person(office: Office) -> None:
    token = given(office)
    office.uma.open(f"/my/certificates/{token.pk}/lock/")
    assert "Nexus calls this “Lock certificates”." in office.uma.page.text
    office.uma.press("Revoke certificates", reason="keyCompromise")

    certificate = Certificate.objects.get()
    assert certificate.state == "revoked"
    assert int(certificate.serial, 16) in serials_on_the_crl()
    assert "Revoked" in office.uma.open("/my/certificates/").text


def test_revoked_by_an_administrator_with_a_reason(office: Office) -> None:
    token = given(office)
    office.ada.open(f"/tokens/{token.pk}/revoke/")
    office.ada.press("Revoke the token", reason="keyCompromise")

    certificate = Certificate.objects.get()
    assert (certificate.state, certificate.revocation_reason) == ("revoked", "keyCompromise")
    assert int(certificate.serial, 16) in serials_on_the_crl()


def test_nobody_else_can(office: Office) -> None:
    token = given(office)

    assert office.sam.open(f"/my/certificates/{token.pk}/lock/").status == 404
    assert office.paul.open(f"/tokens/{token.pk}/revoke/").status in (403, 404)
    assert Certificate.objects.get().state == "valid"
