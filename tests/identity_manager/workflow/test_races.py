"""Real threads on a real database: one effect, nothing stuck."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_fsm import ConcurrentTransition

from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from ca_bridge.models import CaOrder
from identity_manager import queue
from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    Certificate,
    OutgoingMail,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow import (
    step2_approve,
    step4_accept,
    step5_issue,
    step6_passphrase,
    step7_deliver,
)
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.issuance import finished_here, retry
from identity_manager.workflow.requests import cancellation, lapse
from identity_manager.workflow.revocation import revoke
from tests.identity_manager.workflow import test_group_commit
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
CLICKS = 4


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The worker's part is played by the tests: nothing is published."""
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    return Company()


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run all calls at once, each in a thread and a connection of its own; returns results or refusals."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(position: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            results[position] = call()
        except Exception as error:  # noqa: BLE001 handed to the test, which looks at each
            results[position] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads), "stuck"
    unexpected = [each for each in results if isinstance(each, Exception) and not isinstance(each, Refused)]
    assert unexpected == []
    return results


def succeeded(results: list[Any]) -> int:
    return sum(1 for each in results if not isinstance(each, Refused))


BUTTONS: dict[str, tuple[str, Callable[[Company, TokenRequest], Any], str]] = {
    "Approve": ("requested", lambda c, r: cast.approved(c.paul, r), "request.approved"),
    "Reject": (
        "requested",
        lambda c, r: step2_approve.reject(
            actor=c.paul, request_id=r.pk, snapshot_hash=r.snapshot_hash, reason="no"
        ),
        "request.rejected",
    ),
    "Accept": ("awaiting_acceptance", lambda c, r: cast.accepted(r), "request.accepted"),
    "Decline": (
        "awaiting_acceptance",
        lambda c, r: step4_accept.decline(actor=c.uma, request_id=r.pk, reason=""),
        "request.declined",
    ),
    "Withdraw": (
        "awaiting_acceptance",
        lambda c, r: cancellation.withdraw(actor=c.uma, request_id=r.pk),
        "request.cancelled",
    ),
    "Cancel": (
        "issuing",
        lambda c, r: cancellation.cancel(actor=c.ada, request_id=r.pk, reason="gone"),
        "request.cancelled",
    ),
    "Retry": ("failed", lambda c, r: retry.retry(actor=c.ada, request_id=r.pk), "request.retried"),
    "Send the file again": (
        "issued",
        lambda c, r: resending.send_again(
            actor=c.uma, token_id=r.tokens.get().pk, container_format="compatible"
        ),
        "token.sent-again",
    ),
    "Revoke": (
        "issued",
        lambda c, r: revoke.revoke_token(
            actor=c.ada, token_id=r.tokens.get().pk, reason=RevocationReason.KEY_COMPROMISE
        ),
        "token.revoked",
    ),
}


@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_clicked_many_times_at_once_works_once(company: Company, name: str) -> None:
    state, click, event = BUTTONS[name]
    request = company.request_in(state)
    token_mails = OutgoingMail.objects.filter(message="delivery").count()

    results = together(*[lambda: click(company, request)] * CLICKS)

    assert succeeded(results) == 1
    assert AuditEvent.objects.filter(name=event).count() == 1
    expected = token_mails + (1 if name == "Send the file again" else 0)
    assert OutgoingMail.objects.filter(message="delivery").count() == expected


def test_next_clicked_many_times_opens_one_request(company: Company) -> None:
    results = together(*[lambda: cast.enabled(company.ada, company.uma, company.vpn)] * CLICKS)

    assert succeeded(results) == 1
    assert TokenRequest.objects.count() == SoftwareToken.objects.count() == 1
    assert OutgoingMail.objects.count() == 1


def test_confirm_clicked_many_times_destroys_once(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    cast.shown(token)

    results = together(*[lambda: step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk)] * CLICKS)

    assert succeeded(results) == 1
    assert AuditEvent.objects.filter(name="passphrase.destroyed").count() == 1


def test_each_showing_at_once_is_counted(company: Company) -> None:
    token = company.request_in("issued").tokens.get()

    results = together(*[lambda: cast.shown(token)] * CLICKS)

    assert len(set(results)) == 1
    assert SoftwareToken.objects.get().passphrase_shown == CLICKS
    assert OutgoingMail.objects.filter(message="passphrase_shown").count() == 1


def test_two_approvers_at_once_one_decides(company: Company) -> None:
    request = company.request_in("requested")

    results = together(
        lambda: cast.approved(company.paul, request),
        lambda: step2_approve.reject(
            actor=company.petra, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="no"
        ),
    )

    assert succeeded(results) == 1
    assert request.approvals.count() == 1
    assert TokenRequest.objects.get().state in ("awaiting_acceptance", "rejected")


def test_two_approvers_at_once_where_two_are_needed(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)

    results = together(
        lambda: cast.approved(company.paul, request), lambda: cast.approved(company.petra, request)
    )

    assert succeeded(results) == 2
    assert TokenRequest.objects.get().state == "awaiting_acceptance"
    assert OutgoingMail.objects.filter(message="information").count() == 1


def test_accept_against_cancel(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")

    together(
        lambda: cast.accepted(request),
        lambda: cancellation.cancel(actor=company.ada, request_id=request.pk, reason="gone"),
    )

    assert TokenRequest.objects.get().state == "cancelled"
    assert not Certificate.objects.filter(state="valid").exists()


def test_many_workers_on_one_certificate(company: Company) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.get()

    together(*[lambda: one_step.issue(certificate.pk)] * CLICKS)

    assert Certificate.objects.get().state == "valid"
    assert CaOrder.objects.count() == IssuedCertificate.objects.count() == 1
    assert AuditEvent.objects.filter(name="certificate.issued").count() == 1


def test_many_workers_on_several_tokens(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes for another token, and takes of the others what it finds free."""
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)  # as in processes of their own
    test_group_commit.waiting(company, CLICKS)
    issues = [partial(step5_issue.issue, certificate_id=row.pk) for row in Certificate.objects.order_by("pk")]

    together(*issues, *issues)
    for issue in issues:
        issue()  # as the sweep has it done

    assert test_group_commit.is_each_once(CLICKS)


def test_many_workers_on_one_token(company: Company) -> None:
    company.request_in("issuing")
    token = SoftwareToken.objects.get()
    one_step.issue(Certificate.objects.get().pk)

    together(*[lambda: step6_passphrase.seal(token_id=token.pk)] * CLICKS)

    assert SoftwareToken.objects.get().state == "sealed"
    assert token.containers.count() == 2
    assert OutgoingMail.objects.filter(message="delivery").count() == 1


def test_many_workers_on_one_mail(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    sent: list[Any] = []
    monkeypatch.setattr("identity_manager.mail.sending.send", lambda mail: sent.append(mail) or "")

    together(*[lambda: step7_deliver.send(mail_id=mail.pk)] * CLICKS)

    assert len(sent) == 1
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"


def finish_together(company: Company, times: int) -> None:
    """Two certificates of one token, each in the hands of a worker of its own."""
    pair = cast.token_type("pair", profiles=("signing", "encryption"))
    for turn in range(times):
        person = cast.person(f"p{turn}", roles=(), sid="")
        request = cast.accepted(cast.enabled(company.ada, person, pair))
        first, second = Certificate.objects.filter(token__request=request)

        together(
            lambda row=first: one_step.issue(row.pk),
            lambda row=second: one_step.issue(row.pk),
        )
        token = request.tokens.get()
        assert SoftwareToken.objects.to_be_sealed().due(timezone.now()).filter(pk=token.pk).exists(), turn
        step6_passphrase.seal(token_id=token.pk)
        assert TokenRequest.objects.get(pk=request.pk).state == "issued", turn


def test_two_certificates_that_finish_together_finish_the_token(company: Company) -> None:
    finish_together(company, 25)


@pytest.mark.nightly
def test_two_certificates_that_finish_together_finish_the_token_300_times(company: Company) -> None:
    finish_together(company, 300)


def test_two_tokens_that_are_sealed_together_finish_the_request(company: Company) -> None:
    other = cast.token_type("other")
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn, other))
    for certificate in Certificate.objects.all():
        one_step.issue(certificate.pk)
    first, second = request.tokens.all()

    together(
        lambda: step6_passphrase.seal(token_id=first.pk), lambda: step6_passphrase.seal(token_id=second.pk)
    )

    assert TokenRequest.objects.get().state == "issued"


def test_the_last_word_and_the_last_mail_together_complete_the_request(company: Company) -> None:
    request = company.request_in("issued")
    token = request.tokens.get()
    cast.shown(token)
    mail = OutgoingMail.objects.get(message="delivery")

    together(
        lambda: step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk),
        lambda: step7_deliver.send(mail_id=mail.pk),
    )

    assert SoftwareToken.objects.get().state == "active"
    assert TokenRequest.objects.get().state == "completed"


def test_a_lapse_against_the_persons_word(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    cast.shown(token)
    SoftwareToken.objects.update(passphrase_destroy_at=timezone.now() - timedelta(seconds=1))

    together(
        lambda: step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk),
        lambda: lapse.lapse_token(token_id=token.pk),
    )

    row = SoftwareToken.objects.get()
    assert row.passphrase_wrapped is None
    assert (row.state == "lapsed") == (row.acknowledged_at is None)


def test_a_stale_copy_cannot_be_saved(company: Company) -> None:
    request = company.request_in("requested")
    first, second = (TokenRequest.objects.get(pk=request.pk) for _ in range(2))
    first.office_told_at = timezone.now()
    first.save()

    with pytest.raises(ConcurrentTransition):
        second.save()
    assert second.version == request.version
