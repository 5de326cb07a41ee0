"""The end of a renewed token: when, which certificates, and what still covers those that live on."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from ca_bridge.contract import RevocationOutcome, RevocationReason
from identity_manager.models import AuditEvent, Certificate, CertificateProfile, Leave, Person, SoftwareToken
from identity_manager.transactions.refusals import Stale
from identity_manager.workflow import step1_renew
from identity_manager.workflow.issuance import expiry
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.renewal import supersession
from identity_manager.workflow.revocation import by_public_key, hold, revoke
from tests.identity_manager.workflow.renewal.conftest import At, successor_of
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def renewed(token: SoftwareToken, days_before: At) -> SoftwareToken:
    """A token whose successor is active since 30 days before its end."""
    with days_before(30):
        texts = [row.text_id for row in token.request.acceptances.all()]
        step1_renew.renew(actor=token.person, token_id=token.pk, terms_shown=texts)
        successor_of(token)
    token.refresh_from_db()
    return token


def decrypts(token: SoftwareToken) -> None:
    profiles = CertificateProfile.objects.filter(pk__in=token.certificates.values("profile"))
    profiles.update(purpose="encryption")


def state_of(token: SoftwareToken) -> tuple[str, str | None]:
    row = SoftwareToken.objects.get(pk=token.pk)
    certificate = row.certificates.get()
    return str(row.state), certificate.revocation_reason or None


@pytest.mark.parametrize(("days", "replaced"), [(24.0, False), (22.9, True)])
def test_seven_days_after_the_new_one_works(
    renewed: SoftwareToken, days_before: At, days: float, *, replaced: bool
) -> None:
    with days_before(days):
        assert supersession.replace_superseded() == replaced
        assert supersession.replace_superseded() == 0
    expected = ("replaced", "superseded") if replaced else ("active", None)
    assert state_of(renewed) == expected
    assert AuditEvent.objects.filter(name="token.replaced", token=renewed).count() == replaced


def test_the_days_begin_anew_after_a_leave(renewed: SoftwareToken, days_before: At) -> None:
    """Who was away has perhaps installed the new one nowhere yet."""
    person = renewed.person
    ended = renewed.certificates.get().not_after - timedelta(days=22)
    Leave.objects.create(person=person, was_self_service_user=True, ended_at=ended)
    with days_before(20):
        assert supersession.replace_superseded() == 0
    with days_before(14):
        assert supersession.replace_superseded() == 1


def test_one_whose_successor_was_replaced_first_ends_too(renewed: SoftwareToken, days_before: At) -> None:
    """The type said fewer days when that was renewed: it worked for all of them."""
    SoftwareToken.objects.filter(predecessor=renewed).update(state="replaced")
    with days_before(22.9):
        assert supersession.replace_superseded() == 1
    assert state_of(renewed) == ("replaced", "superseded")


def test_a_successor_that_is_not_noted_ends_nothing(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        texts = [row.text_id for row in token.request.acceptances.all()]
        step1_renew.renew(actor=token.person, token_id=token.pk, terms_shown=texts)
    with days_before(1):
        assert supersession.replace_superseded() == 0
    assert state_of(token) == ("active", None)


def test_a_successor_that_was_revoked_ends_nothing(renewed: SoftwareToken, days_before: At) -> None:
    SoftwareToken.objects.filter(predecessor=renewed).update(state="revoked")
    with days_before(10):
        assert supersession.replace_superseded() == 0
    assert state_of(renewed) == ("active", None)


def test_what_encrypts_stays_valid_until_its_own_date(renewed: SoftwareToken, days_before: At) -> None:
    decrypts(renewed)
    with days_before(10):
        supersession.replace_superseded()
    assert state_of(renewed) == ("replaced", None)
    with days_before(-1):
        assert expiry.expire_ended() == 1
    assert Certificate.objects.get(token=renewed).state == "expired"
    assert state_of(renewed)[0] == "replaced"


def test_what_the_successor_lacks_stays_valid(renewed: SoftwareToken, days_before: At) -> None:
    """An officer had the rest of it issued, because a CA refused one certificate for good."""
    lacking = renewed.renewals.get().certificates.get()
    Certificate.objects.filter(pk=lacking.pk).update(left_out_at=timezone.now())
    with days_before(10):
        supersession.replace_superseded()
    assert state_of(renewed) == ("replaced", None)


def test_a_ca_that_cannot_revoke_makes_no_task_by_hand(
    renewed: SoftwareToken, days_before: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca_bridge.issuing.revoke", lambda **_arguments: RevocationOutcome.UNSUPPORTED)
    with days_before(10):
        supersession.replace_superseded()
        certificate = renewed.certificates.get()
        revoke.revoke_at_ca(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    assert (certificate.state, certificate.revocation_decided_at, certificate.by_hand_since) == (
        "valid",
        None,
        None,
    )
    assert not Certificate.objects.to_be_revoked().exists()


def test_what_an_officer_revokes_there_as_superseded_is_left_to_hands(
    company: Company, replaced: SoftwareToken, days_before: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its encryption certificate lived on; the officer was told that it is revoked."""
    monkeypatch.setattr("ca_bridge.issuing.revoke", lambda **_arguments: RevocationOutcome.UNSUPPORTED)
    certificate = replaced.certificates.get()
    with days_before(5):
        revoke.revoke_token(
            actor=company.ada,
            token_id=replaced.pk,
            reason=RevocationReason.SUPERSEDED,
            encryption=[certificate.pk],
        )
        revoke.revoke_at_ca(certificate_id=certificate.pk)
        certificate.refresh_from_db()
        assert certificate.is_to_be_revoked_by_hand(timezone.now())


@pytest.fixture
def replaced(renewed: SoftwareToken, days_before: At) -> SoftwareToken:
    """A replaced token whose encryption certificate lives on."""
    decrypts(renewed)
    with days_before(10):
        supersession.replace_superseded()
    renewed.refresh_from_db()
    return renewed


def test_lock_covers_a_replaced_token(company: Company, replaced: SoftwareToken) -> None:
    leave_and_return.lock(
        actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.CESSATION_OF_OPERATION
    )
    assert state_of(replaced) == ("replaced", "cessationOfOperation")


def test_leave_and_return_cover_a_replaced_token(company: Company, replaced: SoftwareToken) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="leave")
    certificate = replaced.certificates.get()
    assert certificate.hold_wanted
    hold.hold_at_ca(certificate_id=certificate.pk)
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    hold.hold_at_ca(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    assert (certificate.state, certificate.hold_wanted) == ("valid", False)
    assert SoftwareToken.objects.get(pk=replaced.pk).state == "replaced"


def test_a_return_leaves_on_hold_what_an_officer_held(
    company: Company, renewed: SoftwareToken, days_before: At
) -> None:
    """The token is replaced meanwhile, and its encryption certificate stays on hold."""
    decrypts(renewed)
    with days_before(29):
        hold.put_on_hold(actor=company.ada, token_id=renewed.pk, reason="the key may have been copied")
        certificate = renewed.certificates.get()
        hold.hold_at_ca(certificate_id=certificate.pk)
    with days_before(10):
        supersession.replace_superseded()
        leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="leave")
        leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
        hold.hold_at_ca(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    assert (certificate.state, certificate.hold_wanted) == ("on_hold", True)


@pytest.mark.parametrize("way", ["lock", "by key", "its person"])
def test_what_waits_to_be_revoked_as_superseded_gets_any_other_reason(
    company: Company, renewed: SoftwareToken, days_before: At, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A CA without revocation lets what is superseded expire; a compromised key is revoked there by hand."""
    monkeypatch.setattr("ca_bridge.issuing.revoke", lambda **_: RevocationOutcome.UNSUPPORTED)
    compromised = RevocationReason.KEY_COMPROMISE
    with days_before(10):
        supersession.replace_superseded()
        certificate = renewed.certificates.get()
        if way == "lock":
            leave_and_return.lock(actor=company.rita, person_id=company.uma.pk, reason=compromised)
        elif way == "by key":
            use = by_public_key.use_of(actor=company.ada, public_key=certificate.public_key_sha256)
            by_public_key.revoke_by_public_key(
                actor=company.ada,
                public_key=certificate.public_key_sha256,
                seen=use.digest,
                reason=compromised,
                note="found on a forum",
            )
        else:
            revoke.revoke_token(actor=company.uma, token_id=renewed.pk, reason=compromised)
        revoke.revoke_at_ca(certificate_id=certificate.pk)
        certificate.refresh_from_db()
        assert certificate.is_to_be_revoked_by_hand(timezone.now())
    assert state_of(renewed) == ("replaced", "keyCompromise")


def test_its_person_can_revoke_what_lives_on_and_once(replaced: SoftwareToken) -> None:
    person = Person.objects.get(pk=replaced.person_id)
    ticked = [replaced.certificates.get().pk]
    again = partial(revoke.revoke_token, actor=person, token_id=replaced.pk, encryption=ticked)
    again(reason=RevocationReason.KEY_COMPROMISE)
    assert state_of(replaced) == ("replaced", "keyCompromise")
    with pytest.raises(Stale):
        again(reason=RevocationReason.KEY_COMPROMISE)


def test_a_replaced_token_is_alive_as_long_as_a_certificate_is(replaced: SoftwareToken) -> None:
    alive = SoftwareToken.objects.alive().filter(pk=replaced.pk)
    assert alive.exists()
    Certificate.objects.filter(token=replaced).update(state="expired")
    assert not alive.exists()


def test_no_minute_without_a_valid_token(renewed: SoftwareToken, days_before: At) -> None:
    """From the renewal to the old one's end there is always one whose certificate is valid."""
    with days_before(30):
        start = timezone.now()
    for hour in range(0, 24 * 40, 12):
        with time_machine.travel(start + timedelta(hours=hour)):
            supersession.replace_superseded()
            expiry.expire_ended()
            now = timezone.now()
            valid = Certificate.objects.filter(
                state="valid", revocation_decided_at=None, not_before__lte=now, not_after__gt=now
            )
            assert valid.filter(token__person=renewed.person_id).exists(), hour
