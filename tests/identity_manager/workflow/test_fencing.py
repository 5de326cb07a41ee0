"""A worker that outlives its lease settles nothing; what it got from a CA is used, or found and revoked.

The leases here are short and really run out, between the act and the settling of it.
"""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Refused
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder, SurplusCertificate
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager.audit import checks as audit_checks
from identity_manager.audit import verification
from identity_manager.jobs import ca_scans, schedule
from identity_manager.jobs import runner as jobs
from identity_manager.jobs.schedule import Job
from identity_manager.mail import sending
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import (
    AuditCheck,
    AuditEvent,
    Certificate,
    Container,
    JobRun,
    MailFault,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow import step5_issue, step6_passphrase, step7_deliver
from identity_manager.workflow.issuance import claims, failures, finished_here, order_journalling, retry
from identity_manager.workflow.requests import cancellation, suspension
from identity_manager.workflow.revocation import hold, revoke
from tests.ca_bridge import scripted
from tests.identity_manager.workflow import test_group_commit
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
LEASE = 0.2
DOWN = CaError("The CA is down.")


@pytest.fixture
def company(db: None) -> Company:
    """Not the standing one: some tests here commit."""
    return Company()


@pytest.fixture(autouse=True)
def _short_lease(settings: Any) -> None:
    settings.LEASE_SECONDS = LEASE


def raises(error: Exception) -> Callable[..., Any]:
    def act(*_args: object, **_named: object) -> None:
        raise error

    return act


def slow(
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    *,
    successor: Callable[..., Any] | None = None,
    meanwhile: Callable[[], object],
) -> None:
    """The first who does this is slow: their lease runs out, and somebody else does the work meanwhile.

    successor: what that other one meets in place of the act.
    """
    original = getattr(where, name)

    def act(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(where, name, successor or original)
        try:
            return original(*args, **named)
        finally:
            time.sleep(LEASE + 0.05)
            meanwhile()

    monkeypatch.setattr(where, name, act)


def issue() -> None:
    one_step.issue(Certificate.objects.get().pk)


def events(name: str) -> int:
    return AuditEvent.objects.filter(name=name).count()


def free_and_tried_twice(row: Any) -> bool:
    """As the second one left it, after a fault that passes."""
    row.refresh_from_db()
    return row.claim_id is None and row.attempts == 2 and row.next_attempt_at > timezone.now()


def test_issuing(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")
    slow(monkeypatch, issuing, "ask", meanwhile=issue)
    issue()
    assert Certificate.objects.get().state == "valid"
    assert (events("certificate.issued"), IssuedCertificate.objects.count()) == (1, 1)


@pytest.mark.parametrize("place", ["_ask", "_build_token", "_finish"])
def test_issuing_a_group(company: Company, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """All leases of the first one's group run out, and the other one takes the same tokens."""
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)  # as in another process
    test_group_commit.waiting(company, 3)
    slow(monkeypatch, step5_issue, place, meanwhile=test_group_commit.issue)
    test_group_commit.issue()
    assert test_group_commit.is_each_once(3)


def test_a_late_no_is_not_believed(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")
    original = issuing.ask
    monkeypatch.setattr(issuing, "ask", lambda _order_id: Refused("No.", ""))
    slow(monkeypatch, issuing, "ask", successor=raises(DOWN), meanwhile=issue)
    issue()

    certificate = Certificate.objects.get()
    assert (certificate.state, CaOrder.objects.get().state) == ("ordered", "asked")
    assert free_and_tried_twice(certificate)
    monkeypatch.setattr(issuing, "ask", original)
    with time_machine.travel(certificate.next_attempt_at):
        issue()
    assert Certificate.objects.get().state == "valid"


def test_a_late_certificate_is_used_by_whoever_comes_next(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    original = issuing.ask
    slow(monkeypatch, issuing, "ask", successor=raises(DOWN), meanwhile=issue)
    issue()

    certificate = Certificate.objects.get()
    assert (certificate.state, CaOrder.objects.get().state) == ("ordered", "issued")
    assert free_and_tried_twice(certificate)
    monkeypatch.setattr(issuing, "ask", original)
    with time_machine.travel(certificate.next_attempt_at):
        issue()
    assert Certificate.objects.get().state == "valid"
    assert (IssuedCertificate.objects.count(), SurplusCertificate.objects.count()) == (1, 0)


@pytest.fixture
def of_a_changed_person(company: Company, monkeypatch: pytest.MonkeyPatch) -> TokenRequest:
    """A certificate came late, and its person was changed before anybody came for it."""
    request = company.request_in("issuing")
    with monkeypatch.context() as asking:
        slow(asking, issuing, "ask", successor=raises(DOWN), meanwhile=issue)
        issue()
    Person.objects.filter(pk=company.uma.pk).update(department="Elsewhere")
    certificate = Certificate.objects.get()
    with time_machine.travel(certificate.next_attempt_at or timezone.now()):
        issue()

    certificate.refresh_from_db()
    assert (certificate.state, CaOrder.objects.get().state) == ("ordered", "issued")
    assert certificate.private_key_wrapped is not None
    request.refresh_from_db()
    assert (request.state, request.failure) == ("failed", failures.PERSON_CHANGED)
    return request


def test_a_late_certificate_of_a_changed_person_is_used_when_all_is_as_it_was(
    company: Company, of_a_changed_person: TokenRequest
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(department=company.uma.department)
    suspension.check(request_id=of_a_changed_person.pk)
    retry.retry(actor=company.ada, request_id=of_a_changed_person.pk)
    assert cast.issued(of_a_changed_person).state == "issued"
    assert (CaOrder.objects.count(), IssuedCertificate.objects.count()) == (1, 1)


def test_a_late_certificate_of_a_changed_person_is_revoked_when_the_request_ends(
    company: Company, of_a_changed_person: TokenRequest
) -> None:
    cancellation.cancel(actor=company.ada, request_id=of_a_changed_person.pk, reason="left")
    certificate = Certificate.objects.get()
    with time_machine.travel(certificate.next_attempt_at or timezone.now()):
        assert list(Certificate.objects.with_orphaned_order().due(timezone.now())) == [certificate]
        step5_issue.resolve_orphaned_order(certificate_id=certificate.pk)
        revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert Certificate.objects.get().state == "revoked"
    assert IssuedCertificate.objects.get().revoked_at is not None


@pytest.mark.parametrize("permanent", [False, True], ids=["passing", "for good"])
def test_what_came_late_counts_and_no_fault_that_was_met_meanwhile(
    company: Company, *, permanent: bool
) -> None:
    company.request_in("issuing")
    late = one_step.claim(Certificate.objects.get().pk)
    assert late is not None
    answer = issuing.ask(late.order_id)
    time.sleep(LEASE + 0.05)
    successor = one_step.claim(late.row.pk)
    assert successor is not None

    one_step.settle(late, answer)
    one_step.settle(successor, CaError("No such CA.", permanent=permanent))

    assert (Certificate.objects.get().state, TokenRequest.objects.get().state) == ("valid", "issuing")


def test_clearing_up(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as down:
        down.setattr(issuing, "ask", raises(DOWN))
        issue()
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")
    certificate = Certificate.objects.get()
    Certificate.objects.update(next_attempt_at=timezone.now(), attempts=0)

    def clear_up() -> None:
        step5_issue.resolve_orphaned_order(certificate_id=certificate.pk)

    slow(monkeypatch, issuing, "look_up", successor=raises(DOWN), meanwhile=clear_up)
    clear_up()
    assert Certificate.objects.get().state == "ordered"
    assert free_and_tried_twice(certificate)


@pytest.mark.parametrize("verb", ["revoke", "hold"])
def test_revoking_and_holding(company: Company, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    token = company.request_in("completed").tokens.get()
    if verb == "revoke":
        revoke.end_token(token, reason=revoke.RevocationReason.KEY_COMPROMISE, actor=company.ada)
    else:
        hold.hold_token(token, leave=None, actor=company.ada, reason="away")
    certificate = token.certificates.get()
    carry_out = {"revoke": revoke.revoke_at_ca, "hold": hold.hold_at_ca}[verb]

    def again() -> None:
        carry_out(certificate_id=certificate.pk)

    original = getattr(issuing, verb)
    slow(monkeypatch, issuing, verb, successor=raises(DOWN), meanwhile=again)
    again()
    assert Certificate.objects.get().state == "valid"
    assert free_and_tried_twice(certificate)

    monkeypatch.setattr(issuing, verb, original)
    with time_machine.travel(certificate.next_attempt_at):
        again()
    assert Certificate.objects.get().state == {"revoke": "revoked", "hold": "on_hold"}[verb]


def test_no_order_is_journalled_under_a_claim_that_was_lost(company: Company) -> None:
    company.request_in("issuing")
    group = claims.claim(Certificate.objects.get().pk)
    group.each_certificate(order_journalling.draft)
    (token,) = group.tokens
    Certificate.objects.update(claim_id=uuid.uuid4())
    order_journalling.order_alone(token)
    row = Certificate.objects.get()
    assert token.claimed == []
    assert (row.order_id, row.private_key_wrapped) == (None, None)


def test_sealing(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    token = company.request_in("issuing").tokens.get()
    issue()

    def seal() -> None:
        step6_passphrase.seal(token_id=token.pk)

    slow(monkeypatch, pkcs12, "check", meanwhile=seal)
    seal()
    assert SoftwareToken.objects.get().state == "sealed"
    assert (Container.objects.count(), events("token.sealed")) == (2, 1)
    assert OutgoingMail.objects.filter(message="delivery").count() == 1


def test_a_seal_of_a_request_that_failed_meanwhile_leaves_no_lease(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry, seconds later, enqueues the seal, which has to find the token free."""
    token = company.request_in("issuing").tokens.get()
    issue()

    def fail() -> None:
        TokenRequest.objects.update(state="failed")

    slow(monkeypatch, pkcs12, "check", meanwhile=fail)
    step6_passphrase.seal(token_id=token.pk)
    row = SoftwareToken.objects.get()
    assert (row.state, row.claim_id, row.leased_until) == ("issuing", None, None)


def test_sending(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")

    def send() -> None:
        step7_deliver.send(mail_id=mail.pk)

    busy = sending.SendingError(DeliveryFault(kind=MailFault.PASSING, detail="busy", code="451"))
    slow(monkeypatch, sending, "send", successor=raises(busy), meanwhile=send)
    send()
    mail.refresh_from_db()
    assert (mail.state, mail.claim_id, mail.attempts) == ("queued", None, 2)
    assert events("token.delivered") == 0


def test_jobs(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def work() -> str:
        done.append("once")
        if len(done) == 1:
            time.sleep(LEASE + 0.05)
            jobs.run(run_id=row.pk)
            return "late"
        return "in time"

    monkeypatch.setattr(schedule, "JOBS", (Job("test.job", "For tests", timedelta(hours=1), work),))
    row = jobs.row_of("test.job")
    jobs.run(run_id=row.pk)
    assert (JobRun.objects.get(pk=row.pk).result, len(done)) == ("in time", 2)


def test_checks_of_the_log(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    check = audit_checks.ask(actor=company.ada)

    def carry_out() -> None:
        audit_checks.carry_out(check_id=check.pk)

    slow(monkeypatch, verification, "verify", meanwhile=carry_out)
    carry_out()
    assert AuditCheck.objects.get().is_open is False
    assert events("audit.checked") == 1


# --- what a worker took to its grave


@pytest.fixture
def ca(settings: Any) -> Any:
    """A CA that takes its time until a search finds what it has issued."""
    connector = {"CONNECTOR": "tests.ca_bridge.scripted.ListingConnector"}
    settings.CA_CONNECTORS = {**settings.CA_CONNECTORS, "corporate": connector}
    instance: Any = registry.connector("corporate")
    for each in (instance.script, instance.calls, instance.revoked):
        each.clear()
    return instance


def test_what_a_dead_worker_got_is_found_by_a_job_and_revoked(
    company: Company, ca: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    lost: list[bytes] = []

    def issued_to_the_dead(order: Any) -> None:
        lost.append(scripted.sign(order))
        raise KeyboardInterrupt

    ca.script += [issued_to_the_dead, scripted.answers(None), scripted.issued()]
    with pytest.raises(KeyboardInterrupt):
        issue()
    time.sleep(LEASE + 0.05)
    issue()
    used = Certificate.objects.get()
    assert (used.state, ca.calls) == ("valid", ["issue", "find", "issue"])

    ca.script.append(scripted.answers([*lost, used.der]))
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert ca_scans.compare_with_cas() == "1: the CA had issued more than is used"
        assert ca_scans.revoke_surplus() == 1
    assert [certificate for certificate, _reason in ca.revoked] == lost
    assert Certificate.objects.get().state == "valid"


def test_of_two_certificates_the_journalled_one_is_delivered(
    company: Company, ca: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate of the first worker is journalled while the second one has another."""
    company.request_in("issuing")
    ca.script += [scripted.issued(), scripted.answers(None), scripted.issued()]
    late = one_step.claim(Certificate.objects.get().pk)
    assert late is not None
    first = issuing.ask(late.order_id)
    assert isinstance(first, issuing.Issued)
    time.sleep(LEASE + 0.05)
    slow(monkeypatch, issuing, "examine", meanwhile=lambda: one_step.settle(late, first))
    step5_issue.issue(certificate_id=late.row.pk)

    certificate = Certificate.objects.get()
    assert (certificate.state, certificate.der, ca.calls) == (
        "valid",
        first.certificate,
        ["issue", "find", "issue"],
    )
    assert (SurplusCertificate.objects.count(), Container.objects.count()) == (1, 0)


# --- two workers with connections of their own


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_two_real_workers(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first asks the CA in a thread, and settles only after the second has done everything."""
    settings.LEASE_SECONDS = 3
    Company().request_in("issuing")
    original, asked, settle = issuing.ask, threading.Event(), threading.Event()

    def ask_slowly(order_id: Any) -> Any:
        answer = original(order_id)
        asked.set()
        assert settle.wait(30)
        return answer

    def first() -> None:
        try:
            issue()
        finally:
            connection.close()

    monkeypatch.setattr(issuing, "ask", ask_slowly)
    worker = threading.Thread(target=first)
    worker.start()
    assert asked.wait(30)
    monkeypatch.setattr(issuing, "ask", original)
    issue()
    assert Certificate.objects.get().state == "ordered", "the first has the lease"
    time.sleep(3.1)
    issue()
    settled = Certificate.objects.values().get()
    assert settled["state"] == "valid"

    settle.set()
    worker.join(30)
    assert Certificate.objects.values().get() == settled
    assert (events("certificate.issued"), IssuedCertificate.objects.count()) == (1, 1)
