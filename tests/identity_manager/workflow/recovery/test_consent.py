"""Consent of the owner to a recovery of their keys for a third person."""

import uuid
from functools import partial

import pytest

from ca_bridge.x509 import public_smime
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    CertificateProfile,
    OwnerConsent,
    PersonState,
    Recovery,
    TokenRequest,
)
from identity_manager.models.people.person import Person
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.recovery import consent, decisions, policy, sealed_decisions
from tests.identity_manager.workflow.recovery.test_decisions import (  # noqa: F401 fixtures
    agreed,
    asked,
    deputy,
    mails,
    online,
    opened,
    staff,
)
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def row(company: Company, online: ArchivedKey) -> Recovery:  # noqa: F811 a fixture
    """For dora; uma was asked. Her certificate is one of a public CA."""
    CertificateProfile.objects.filter(code="encrypting").update(policies=[public_smime.SPONSOR_MULTIPURPOSE])
    return asked(company, online, beneficiary=deputy(), ask_owner=True)


def answered(row: Recovery, actor: Person, *, agrees: bool) -> str:
    """The code of the refusal, if any; then nothing is changed."""
    before = Recovery.objects.values().get(), AuditEvent.objects.count()
    try:
        consent.answer(actor=actor, recovery_id=row.pk, agrees=agrees)
    except Refused as refused:
        assert (Recovery.objects.values().get(), AuditEvent.objects.count()) == before
        return refused.reason.code
    return ""


@pytest.mark.parametrize("agrees", [True, False])
def test_who_agrees_need_not_have_their_certificates_revoked(
    company: Company, row: Recovery, *, agrees: bool
) -> None:
    assert ("recovery_consent", company.uma.display_name) in mails(row)
    assert len(policy.communicated(row)) == 1
    assert answered(row, company.uma, agrees=agrees) == ""
    row.refresh_from_db()
    assert row.consent == (OwnerConsent.GIVEN if agrees else OwnerConsent.REFUSED)
    assert len(policy.communicated(row)) == (0 if agrees else 1)
    name = "recovery.consent-given" if agrees else "recovery.consent-refused"
    assert AuditEvent.objects.filter(name=name, person=company.uma).exists()
    assert answered(row, company.uma, agrees=not agrees) == "recovery-consent-not-asked"


@pytest.mark.parametrize("agrees", [True, False])
def test_an_answer_during_the_second_approval_is_kept(
    company: Company,
    staff: Officers,  # noqa: F811 a fixture
    row: Recovery,
    monkeypatch: pytest.MonkeyPatch,
    *,
    agrees: bool,
) -> None:
    """On PostgreSQL the approval waits for the lock of the request, which the answer holds."""
    seen = sealed_decisions.digest(row)
    decisions.approve(actor=staff.rene, recovery_id=row.pk, seen=seen)
    lock = locking.request

    def after_the_answer(pk: uuid.UUID) -> TokenRequest:
        monkeypatch.setattr(locking, "request", lock)
        consent.answer(actor=company.uma, recovery_id=row.pk, agrees=agrees)
        return lock(pk)

    monkeypatch.setattr(locking, "request", after_the_answer)
    decisions.approve(actor=staff.rosa, recovery_id=row.pk, seen=seen)
    row.refresh_from_db()
    assert row.consent == (OwnerConsent.GIVEN if agrees else OwnerConsent.REFUSED)
    assert row.consent_at is not None
    assert row.opened_with is not None


def test_of_two_recoveries_the_named_one_is_answered(
    company: Company,
    row: Recovery,
    online: ArchivedKey,  # noqa: F811 a fixture
) -> None:
    other = asked(company, online, beneficiary=deputy("doris"), ask_owner=True)
    consent.answer(actor=company.uma, recovery_id=other.pk, agrees=False)
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.consent, other.consent) == ("asked", "refused")


def test_nobody_else_answers(company: Company, row: Recovery) -> None:
    for actor in (company.ada, company.sam, row.request.person):
        assert answered(row, actor, agrees=True) == "not-yours"


def test_after_the_keys_are_handed_out_it_is_too_late(
    company: Company,
    staff: Officers,  # noqa: F811 a fixture
    row: Recovery,
) -> None:
    agreed(staff, row)
    opened(row)
    assert answered(row, company.uma, agrees=True) == "recovery-consent-not-asked"


def test_an_answer_changes_nothing_of_what_officers_decide_on(
    company: Company,
    staff: Officers,  # noqa: F811 a fixture
    row: Recovery,
) -> None:
    seen = sealed_decisions.digest(row)
    decisions.approve(actor=staff.rene, recovery_id=row.pk, seen=seen)
    assert answered(row, company.uma, agrees=False) == ""
    decisions.approve(actor=staff.rosa, recovery_id=row.pk, seen=seen)
    assert opened(row).state == "sealed"


def test_who_is_not_to_be_asked(company: Company, online: ArchivedKey) -> None:  # noqa: F811 a fixture
    ask = partial(asked, company, online, ask_owner=True)
    for beneficiary, state, code in (
        (None, PersonState.ACTIVE, "recovery-consent-not-needed"),
        (deputy(), PersonState.INACTIVE, "recovery-owner-not-to-be-asked"),
    ):
        Person.objects.filter(pk=company.uma.pk).update(state=state)
        with pytest.raises(Refused) as refused:
            ask(beneficiary=beneficiary)
        assert (refused.value.reason.code, refused.value.field) == (code, "ask_owner")
    assert not Recovery.objects.exists()


def test_without_being_asked_the_owner_learns_nothing(
    company: Company,
    online: ArchivedKey,  # noqa: F811 a fixture
) -> None:
    row = asked(company, online, beneficiary=deputy())
    assert "recovery_consent" not in dict(mails(row))
    assert answered(row, company.uma, agrees=True) == "recovery-consent-not-asked"
