"""Under load decided revocations go to their CA together: one call, one CRL, one transaction."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ca_bridge.connectors.embedded import crls
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.models import AuditEvent, Certificate, CertificateState
from identity_manager.workflow.revocation import revoke
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
REVOKED = "certificate.revoked"


def decided(company: Company, *names: str) -> list[Certificate]:
    """Certificates of these persons that are to be revoked, and have waited for a minute."""
    for name in names:
        request = cast.enabled(company.ada, cast.person(name, sid=""), company.vpn)
        token = cast.delivered(cast.issued(cast.accepted(request))).tokens.get()
        revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.SUPERSEDED)
    rows = Certificate.objects.to_be_revoked()
    rows.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
    return list(rows.order_by("pk"))


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The CRLs that are signed, by their CA."""
    found: list[str] = []
    original = crls.renew

    def counted(ca: str, *more: Any) -> bytes:
        found.append(ca)
        return original(ca, *more)

    monkeypatch.setattr(crls, "renew", counted)
    return found


def states() -> dict[str, int]:
    found = Certificate.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def test_what_has_waited_goes_along_with_one_crl(company: Company, signed: list[str]) -> None:
    first, *_others = decided(company, "nina", "olga", "pia")
    revoke.revoke_at_ca(certificate_id=first.pk)
    assert states() == {"revoked": 3}
    assert len(signed) == 1
    assert AuditEvent.objects.filter(name=REVOKED).count() == 3
    assert IssuedCertificate.objects.exclude(revoked_at=None).count() == 3

    for row in Certificate.objects.all():  # each has a message of its own, which comes later
        revoke.revoke_at_ca(certificate_id=row.pk)
    assert len(signed) == 1
    assert AuditEvent.objects.filter(name=REVOKED).count() == 3


def test_what_is_due_just_now_goes_alone(company: Company, signed: list[str]) -> None:
    first, second = decided(company, "nina", "olga")
    Certificate.objects.update(next_attempt_at=timezone.now())
    revoke.revoke_at_ca(certificate_id=first.pk)
    assert Certificate.objects.get(pk=second.pk).state == CertificateState.VALID
    assert len(signed) == 1


def test_the_message_of_one_that_is_done_takes_the_rest(company: Company, signed: list[str]) -> None:
    first, *_others = decided(company, "nina", "olga", "pia")
    Certificate.objects.filter(pk=first.pk).update(next_attempt_at=None)
    revoke.revoke_at_ca(certificate_id=first.pk)
    assert states() == {"revoked": 2, "valid": 1}
    assert len(signed) == 1


def test_the_statements_do_not_grow_with_the_group(company: Company) -> None:
    counted = []
    for names in (["nina", "olga", "pia"], ["quinn", "rosa", "sven", "tina", "ute", "vera"]):
        rows = decided(company, *names)
        Certificate.objects.filter(pk=rows[0].pk).update(next_attempt_at=None)
        with CaptureQueriesContext(connection) as asked:
            revoke.revoke_at_ca(certificate_id=rows[0].pk)
        assert not Certificate.objects.to_be_revoked().due(timezone.now()).exists()
        Certificate.objects.filter(pk=rows[0].pk).update(revocation_decided_at=None)
        counted.append(sum("SAVEPOINT" not in each["sql"] for each in asked))
    few, more = counted
    assert more <= few
    assert few <= 20


def test_one_that_the_ca_does_not_know_keeps_no_other(company: Company) -> None:
    first, second, third = decided(company, "nina", "olga", "pia")
    IssuedCertificate.objects.filter(serial_hex=second.serial.lstrip("0")).update(certificate=b"another")
    Certificate.objects.filter(pk=first.pk).update(next_attempt_at=None)
    revoke.revoke_at_ca(certificate_id=first.pk)
    assert Certificate.objects.get(pk=third.pk).state == CertificateState.REVOKED
    assert Certificate.objects.get(pk=second.pk).by_hand_since is not None


def test_one_that_cannot_be_written_down_keeps_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = decided(company, "nina", "olga", "pia")
    Certificate.objects.filter(pk=first.pk).update(next_attempt_at=None)
    original = Certificate.revoke

    def failing(self: Certificate, **more: Any) -> None:
        if self.pk == second.pk:
            raise ValueError("broken")
        original(self, **more)

    monkeypatch.setattr(Certificate, "revoke", failing)
    with pytest.raises(ValueError, match="broken"):
        revoke.revoke_at_ca(certificate_id=first.pk)
    assert Certificate.objects.get(pk=third.pk).state == CertificateState.REVOKED
    left = Certificate.objects.get(pk=second.pk)
    assert (left.state, left.claim_id, left.last_error) == (CertificateState.VALID, None, "ValueError")
    assert AuditEvent.objects.filter(name=REVOKED).count() == 1


class OneByOne(EmbeddedConnector):
    """A CA that takes one certificate with each call."""

    revoke_many = None  # type: ignore[assignment]  # so that it lacks the capability

    def revoke(self, certificate: bytes, reason: RevocationReason) -> Any:
        (outcome,) = EmbeddedConnector.revoke_many(self, [(certificate, reason)])
        return outcome


def test_a_ca_that_takes_one_at_a_time_gets_one(company: Company, settings: Any) -> None:
    first, second = decided(company, "nina", "olga")
    configured = settings.CA_CONNECTORS["corporate"]
    settings.CA_CONNECTORS = {"corporate": {**configured, "CONNECTOR": f"{__name__}.OneByOne"}}
    revoke.revoke_at_ca(certificate_id=first.pk)
    assert Certificate.objects.get(pk=first.pk).state == CertificateState.REVOKED
    assert Certificate.objects.get(pk=second.pk).state == CertificateState.VALID
