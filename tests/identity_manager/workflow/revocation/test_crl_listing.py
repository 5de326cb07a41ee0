"""*On the CRL since*: what the published CRL says, and why it cannot be looked up."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import crls
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.jobs import schedule
from identity_manager.models import Certificate, IssuerCrl
from identity_manager.models.revocation.issuer_crl import FETCHED_EVERY
from identity_manager.workflow.revocation import crl_listing, revoke
from tests.ca_bridge.x509.crls import CrlCa, distribution_point
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


@pytest.fixture
def certificate(company: Company) -> Certificate:
    """Of a token in use that its administrator has revoked; the CA has not been told."""
    token = company.request_in("completed").tokens.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    return Certificate.objects.get()


def job() -> int:
    found = schedule.named("ca.read_crls")
    assert found is not None
    done = found.run()
    assert isinstance(done, int)
    return done


def test_what_the_embedded_ca_has_revoked_is_on_its_crl(certificate: Certificate) -> None:
    assert job() == 0
    assert not IssuerCrl.objects.exists(), "nothing is looked at before the CA has revoked"

    revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert job() == 1
    listed = Certificate.objects.get()
    assert listed.on_crl_at is not None
    assert listed.revoked_at is not None
    assert listed.on_crl_at >= listed.revoked_at
    assert job() == 0
    assert not IssuerCrl.objects.exclude(fault="").exists()


def test_without_the_serial_number_it_is_not_on_the_crl(
    certificate: Certificate,
) -> None:
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    IssuedCertificate.objects.update(revoked_at=None, reason="")
    ca = registry.connector("corporate")
    crls.renew("corporate", ca._authority.issuing)  # type: ignore[attr-defined]  # of the embedded CA

    assert job() == 0
    assert Certificate.objects.get().on_crl_at is None
    seen = IssuerCrl.objects.get()
    assert (seen.fault, seen.is_local) == ("", True)


def test_a_forged_crl_in_the_database_is_not_believed(certificate: Certificate) -> None:
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    Crl.objects.update(der=CrlCa().crl([int(certificate.serial, 16)]))
    assert job() == 0
    assert Certificate.objects.get().on_crl_at is None
    assert IssuerCrl.objects.get().fault == "not-by-issuer"
    assert "not signed" in IssuerCrl.objects.get().fault_words


ELSEWHERE = CrlCa()


class RemoteCa(EmbeddedConnector):
    """A connection that does not know the CRLs of its CA."""

    present_crl = None  # type: ignore[assignment]  # so that it lacks the capability

    def chain(self) -> tuple[bytes, ...]:
        return (ELSEWHERE.certificate.public_bytes(Encoding.DER),)


@pytest.fixture
def remote(certificate: Certificate, settings: Any) -> Certificate:
    configured = settings.CA_CONNECTORS["corporate"]
    settings.CA_CONNECTORS = {"corporate": {**configured, "CONNECTOR": f"{__name__}.RemoteCa"}}
    return certificate


def elsewhere(certificate: Certificate, *addresses: str) -> int:
    """Have the certificate be one of a CA that publishes its CRL by HTTP; return its serial number."""
    leaf = ELSEWHERE.leaf(*addresses)
    Certificate.objects.filter(pk=certificate.pk).update(
        certificate=leaf.public_bytes(Encoding.DER),
        serial=f"{leaf.serial_number:x}",
        issuer="CN=Elsewhere CA",
        state="revoked",
        revoked_at=timezone.now(),
    )
    return leaf.serial_number


def test_another_cas_crl_is_fetched_now_and_then(
    remote: Certificate,
) -> None:
    pages: dict[str, bytes] = {}
    with distribution_point(pages) as (url, asked):
        serial = elsewhere(remote, f"{url}/list.crl")
        assert job() == 0
        assert IssuerCrl.objects.get().fault == "unreachable"

        pages["/list.crl"] = ELSEWHERE.crl([serial])
        assert job() == 0
        assert len(asked) == 1, "it is not asked again at once"
        IssuerCrl.objects.update(looked_at=timezone.now() - FETCHED_EVERY)
        assert job() == 1
    assert Certificate.objects.get().on_crl_at is not None
    assert IssuerCrl.objects.get().fault == ""


def test_a_certificate_without_an_address_and_a_ca_that_is_not_connected(
    remote: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(remote, "ldap://directory.example.com/cn=ca")
    assert job() == 0
    assert IssuerCrl.objects.get().fault == "no-address"

    IssuerCrl.objects.all().delete()
    monkeypatch.setattr(Certificate, "ca", "")
    assert job() == 0
    assert IssuerCrl.objects.get().fault == "not-connected"


def test_another_connection_to_an_issuer_of_the_same_name_keeps_none(certificate: Certificate) -> None:
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    issuer = Certificate.objects.get().issuer
    IssuerCrl.objects.create(ca="elsewhere", issuer=issuer, looked_at=timezone.now(), fault="unreachable")
    assert job() == 1


def test_what_has_ended_is_not_looked_up(certificate: Certificate) -> None:
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    Certificate.objects.update(not_after=timezone.now() - timedelta(days=1))
    assert job() == 0
    assert not IssuerCrl.objects.exists()


def test_the_statements_do_not_grow_with_the_certificates(company: Company) -> None:
    numbers = []
    for _round in range(2):
        for _each in range(1 + 2 * len(numbers)):
            token = company.request_in("completed").tokens.get()
            revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.SUPERSEDED)
        for row in Certificate.objects.to_be_revoked():
            revoke.revoke_at_ca(certificate_id=row.pk)
        ids = list(crl_listing.to_be_looked_up().values_list("pk", flat=True))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert crl_listing.CrlLookup().look_up(ids) == len(ids)
        numbers.append((len(ids), len([each for each in asked if "SAVEPOINT" not in each["sql"]])))
    (few, statements), (more, as_many) = numbers
    assert (few, more) == (1, 3)
    assert as_many <= statements
