"""What a CA refuses to revoke for good is revoked there by hand, and its words are told."""

import pytest
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from identity_manager.models import AuditEvent, Certificate
from identity_manager.workflow.revocation import revoke
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def test_a_revocation_that_is_refused_for_good_is_left_to_hands(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = company.request_in("completed").tokens.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    certificate = Certificate.objects.get()

    def refused(**_: object) -> RevocationOutcome:
        raise CaError.not_issued_here("no such serial number")

    monkeypatch.setattr(issuing, "revoke", refused)
    revoke.revoke_at_ca(certificate_id=certificate.pk)

    left = Certificate.objects.get()
    assert list(Certificate.objects.to_be_revoked_by_hand(timezone.now())) == [left]
    assert left.last_error == "This CA has not issued this certificate. no such serial number"
    assert AuditEvent.objects.filter(name="certificate.revocation-left-to-hands").count() == 1

    told = []
    monkeypatch.setattr(
        issuing, "revoke", lambda **what: told.append(what["reason"]) or RevocationOutcome.REVOKED
    )
    Certificate.objects.update(next_attempt_at=timezone.now())
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert Certificate.objects.get().state == "revoked"
    assert told == [RevocationReason.KEY_COMPROMISE]


def test_what_was_revoked_by_hand_waits_for_nothing_any_more(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = company.request_in("completed").tokens.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    certificate = Certificate.objects.get()
    monkeypatch.setattr(issuing, "revoke", lambda **_: RevocationOutcome.UNSUPPORTED)
    revoke.revoke_at_ca(certificate_id=certificate.pk)

    revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)
    done = Certificate.objects.get()
    assert (done.state, done.next_attempt_at, done.last_error) == ("revoked", None, "")


def test_what_has_ended_expires_without_a_word_to_its_ca_though_its_person_is_erased(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = company.request_in("completed").tokens.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    now = timezone.now()
    Certificate.objects.update(certificate=None, not_after=now, next_attempt_at=now)

    monkeypatch.setattr(issuing, "revoke", lambda **_: pytest.fail("the CA was told"))
    revoke.revoke_at_ca(certificate_id=Certificate.objects.get().pk)

    ended = Certificate.objects.get()
    assert (ended.state, ended.next_attempt_at, ended.leased_until) == ("expired", None, None)
    assert not Certificate.objects.to_be_revoked().exists()
    assert AuditEvent.objects.get(name="certificate.expired").token == token
