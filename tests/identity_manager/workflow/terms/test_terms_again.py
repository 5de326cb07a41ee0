"""Terms again: who is asked and reminded, what an acceptance is, what happens to who is late, and attacks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    LatePolicy,
    OutgoingMail,
    Person,
    SoftwareToken,
    TermsAcceptance,
    TermsHold,
    TermsNotice,
    TermsVersion,
)
from identity_manager.queries import selfservice_pages
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.delivery import mail_relevance
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.revocation import hold
from identity_manager.workflow.terms import accept_again
from tests.identity_manager.workflow.terms.conftest import DAYS, next_version, run
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
OVER = timedelta(days=DAYS + 2)


def accept(actor: Person, version: TermsVersion, *, notice: TermsNotice | None = None) -> TermsAcceptance:
    row = notice or TermsNotice.objects.get(person=actor)
    return accept_again.accept(actor=actor, notice_id=row.pk, text_id=version.text_in("en").pk)


def refused(actor: Person, version: TermsVersion, kind: type[Refused], **more: TermsNotice) -> str:
    """The code of the refusal; nothing is accepted, and nothing is said in the log."""
    before = (TermsAcceptance.objects.count(), AuditEvent.objects.count())
    with pytest.raises(kind) as told:
        accept(actor, version, **more)
    assert (TermsAcceptance.objects.count(), AuditEvent.objects.count()) == before
    return told.value.reason.code


@pytest.fixture
def late(token: SoftwareToken) -> Iterator[TermsVersion]:
    """uma was asked in time, and her time is over: her token is on hold."""
    version = next_version(late=LatePolicy.HOLD)
    run()
    with time_machine.travel(timezone.now() + OVER):
        run()
        token.refresh_from_db()
        assert token.state == "on_hold"
        yield version


# --- who is asked ----------------------------------------------------------------------------------
def test_who_holds_a_token_is_asked_once_reminded_and_done_by_one_acceptance(
    token: SoftwareToken, company: Company
) -> None:
    version = next_version()
    start, told = timezone.now(), []
    for day in range(DAYS + 3):
        with time_machine.travel(start + timedelta(days=day)):
            before = OutgoingMail.objects.count()
            run()
            run()
            told += [day] * (OutgoingMail.objects.count() - before)
    assert (told[0], len(told)) == (0, 5)  # the first, and four reminders
    notice = TermsNotice.objects.get()
    assert (notice.person, notice.version) == (company.uma, version)
    assert [each.pk for each in selfservice_pages.terms_to_accept_again(company.uma.pk)] == [notice.pk]
    assert selfservice_pages.waiting(company.uma.pk) == {selfservice_pages.TERMS_AGAIN: 1}

    acceptance = accept(company.uma, version)
    assert acceptance.request is None
    assert acceptance.sha256 == version.text_in("en").sha256
    assert selfservice_pages.terms_to_accept_again(company.uma.pk) == []
    event = AuditEvent.objects.get(name=audit.Event.TERMS_ACCEPTED_AGAIN)
    assert (event.actor, event.token, event.facts) == (
        company.uma,
        token,
        {"number": version.number, "terms": [acceptance.sha256]},
    )
    mail = OutgoingMail.objects.filter(message="terms_again").first()
    assert mail is not None
    assert isinstance(mail_relevance.obstacle(mail), mail_relevance.NoLongerRelevant)
    assert run() == 0


def test_an_acceptance_is_recorded_for_the_tokens_of_its_person_alone(
    token: SoftwareToken, company: Company
) -> None:
    theirs = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, token.token_type)))
    cast.delivered(theirs)
    cast.noted(theirs.tokens.get())
    version = next_version()
    run()
    accept(company.uma, version)
    assert [event.token for event in AuditEvent.objects.filter(name="terms.accepted-again")] == [token]


def test_a_version_that_does_not_ask_asks_nobody(token: SoftwareToken) -> None:
    next_version(asks=False)
    assert run() == 0
    assert not TermsNotice.objects.exists()


def test_who_holds_nothing_under_the_document_is_not_asked(token: SoftwareToken, company: Company) -> None:
    next_version()
    SoftwareToken.objects.filter(pk=token.pk).update(state="revoked")
    assert run() == 0
    assert not TermsNotice.objects.exists()


def test_a_later_version_is_what_who_was_asked_accepts(token: SoftwareToken, company: Company) -> None:
    """Version 2 asks, version 3 does not: the task stays, and says what is in force."""
    second = next_version()
    run()
    third = next_version(asks=False)
    assert run() == 0
    assert refused(company.uma, second, Stale) == "other-terms"  # a page that was open since
    accept(company.uma, third)
    assert not TermsNotice.objects.unanswered().exists()


def test_a_later_version_that_asks_takes_the_place_of_the_earlier_question(
    token: SoftwareToken, company: Company
) -> None:
    second = next_version()
    run()
    accept(company.uma, second)
    third = next_version()
    assert run() == 1
    notice = TermsNotice.objects.get()
    assert notice.version == third
    accept(company.uma, third)
    assert run() == 0


# --- attacks ---------------------------------------------------------------------------------------
def test_nobody_accepts_for_another(token: SoftwareToken, company: Company) -> None:
    version = next_version()
    run()
    notice = TermsNotice.objects.get()
    for other in (company.sam, company.ada):
        assert refused(other, version, NotAllowed, notice=notice) == "not-yours"


def test_an_acceptance_that_is_sent_again_changes_nothing(token: SoftwareToken, company: Company) -> None:
    version = next_version()
    run()
    accept(company.uma, version)
    assert refused(company.uma, version, Stale) == "not-asked-again"


def test_the_text_of_another_document_is_not_accepted(token: SoftwareToken, company: Company) -> None:
    next_version()
    run()
    first = TermsVersion.objects.get(number=1)
    assert refused(company.uma, first, Stale) == "other-terms"


def test_who_is_on_leave_or_locked_accepts_nothing_and_is_not_held(
    token: SoftwareToken, company: Company
) -> None:
    version = next_version(late=LatePolicy.HOLD)
    run()
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="Parental leave")
    assert refused(company.uma, version, NotPossible) == "person-inactive"
    with time_machine.travel(timezone.now() + OVER):
        assert run() == 0
        leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
        run()
        token.refresh_from_db()
        assert token.state == "active"  # a week from the return
    with time_machine.travel(timezone.now() + OVER + timedelta(days=8)):
        assert run() == 1
        leave_and_return.lock(
            actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.AFFILIATION_CHANGED
        )
        assert refused(company.uma, version, NotPossible) == "person-locked"
        assert run() == 0


# --- who is late -----------------------------------------------------------------------------------
def test_by_the_policy_list_who_is_late_keeps_the_token(token: SoftwareToken) -> None:
    next_version()
    run()
    with time_machine.travel(timezone.now() + OVER):
        assert run() == 0
        token.refresh_from_db()
        assert token.state == "active"
        assert TermsNotice.objects.late(timezone.now()).count() == 1


def test_a_late_acceptance_brings_the_token_back(
    late: TermsVersion, token: SoftwareToken, company: Company
) -> None:
    assert token.reason_words == "The new version of the terms was not accepted in time."
    assert OutgoingMail.objects.filter(message="terms_hold").count() == 1
    accept(company.uma, late)
    token.refresh_from_db()
    assert (token.state, token.reason) == ("active", "")


def test_an_acceptance_with_a_request_brings_the_token_back_too(
    late: TermsVersion, token: SoftwareToken, company: Company
) -> None:
    """It counts for all tokens under the document, so nobody is asked for another one."""
    cast.accepted(cast.enabled(company.ada, company.uma, cast.token_type("other")))
    token.refresh_from_db()
    assert token.state == "active"
    assert not selfservice_pages.terms_to_accept_again(company.uma.pk)


def test_what_an_officer_reinstates_is_not_held_again(
    late: TermsVersion, token: SoftwareToken, company: Company
) -> None:
    hold.reinstate(actor=company.ada, token_id=token.pk)
    assert run() == 0
    token.refresh_from_db()
    assert token.state == "active"
    assert TermsNotice.objects.late(timezone.now()).count() == 1  # the list still has the person


def test_an_acceptance_does_not_end_the_hold_of_an_officer(
    late: TermsVersion, token: SoftwareToken, company: Company
) -> None:
    hold.reinstate(actor=company.ada, token_id=token.pk)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="A laptop is missing")
        accept(company.uma, late)
    token.refresh_from_db()
    assert token.state == "on_hold"
    assert TermsHold.objects.count() == 1


def test_who_is_asked_late_has_a_week(token: SoftwareToken) -> None:
    next_version(late=LatePolicy.HOLD)
    with time_machine.travel(timezone.now() + OVER):
        run()
        token.refresh_from_db()
        assert token.state == "active"
        assert TermsNotice.objects.get().due_at > timezone.now() + timedelta(days=6)
