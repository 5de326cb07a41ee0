"""What officers decide about certificates that only the CA knows is recorded, with who decided it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.models import (
    AuditEvent,
    CaComparison,
    CaFinding,
    FindingKind,
    FindingState,
    Person,
    Role,
    RoleAssignment,
)
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow.issuance import ca_findings
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke
from tests.tools.cast import Company
from tests.tools.contents import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding(company: Company) -> CaFinding:
    now = timezone.now()
    return CaFinding.objects.create(
        comparison=CaComparison.objects.create(alias="corporate", since=now),
        kind=FindingKind.UNKNOWN,
        certificate=b"another one",
        issuer="CN=Corporate CA",
        serial="5e",
        subject="CN=Somebody",
        not_before=now,
        not_after=now + timedelta(days=30),
    )


def test_what_is_left_as_it_is_is_recorded_with_the_reason(company: Company, finding: CaFinding) -> None:
    ca_findings.leave(actor=company.ada, finding_id=finding.pk, reason=" Of the mail gateway. ")

    assert recorded("ca") == [("found-left", "Ada")]
    facts = AuditEvent.objects.get(name="ca.found-left").facts
    assert (facts["serial"], facts["ca"], facts["reason"]) == ("5e", "corporate", "Of the mail gateway.")


def holding(company: Company) -> Person:
    """uma, who administers tokens as well."""
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)
    return Person.objects.get(pk=company.uma.pk)


def test_nobody_says_of_their_own_token_that_a_certificate_may_stay_or_is_revoked(
    company: Company, finding: CaFinding
) -> None:
    certificate = company.request_in("completed").tokens.get().certificates.get()
    CaFinding.objects.update(token_certificate=certificate, by_hand_since=timezone.now())
    uma = holding(company)
    for act in (
        lambda: ca_findings.leave(actor=uma, finding_id=finding.pk, reason="It is mine."),
        lambda: ca_findings.done_by_hand(actor=uma, finding_id=finding.pk),
        lambda: revoke.done_by_hand(actor=uma, certificate_id=certificate.pk),
    ):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.reason == eligibility.YOUR_OWN_TOKEN


def test_what_the_ca_cannot_be_told_is_revoked_by_hand_and_recorded(
    company: Company, finding: CaFinding
) -> None:
    ca_findings.revoke(actor=company.ada, finding_id=finding.pk)
    with pytest.raises(Stale):
        ca_findings.done_by_hand(actor=company.ada, finding_id=finding.pk)
    CaFinding.objects.update(by_hand_since=timezone.now())

    done = ca_findings.done_by_hand(actor=company.ada, finding_id=finding.pk)

    done.refresh_from_db()
    assert (done.state, done.decided_by, done.certificate) == (FindingState.REVOKED, company.ada, b"")
    assert recorded("ca") == [("found-revocation-decided", "Ada"), ("found-revoked-by-hand", "Ada")]
