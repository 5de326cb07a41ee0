"""A CA that does not answer: orders wait without using their attempts, one at a time tries, and all go on."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Health, Pending, Refused, Unknown
from ca_bridge.errors import CaError
from ca_bridge.models import CaAttempt, CaOrder
from identity_manager import queue, task_names
from identity_manager.authorities import circuit_breaker
from identity_manager.jobs import standby, sweep
from identity_manager.models import AuditEvent, CaOutage, Certificate, CertificateState, Role
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
CA = "corporate"


def down(_self: Any, _order: Any) -> None:
    raise CaError("The certificate authority cannot be reached.", "refused") from ConnectionRefusedError()


@pytest.fixture
def company(db: None) -> Company:
    """Not the standing one: some tests here commit."""
    return Company()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    messages: list[tuple[str, Any]] = []
    monkeypatch.setattr(queue, "publish", lambda task, *ids: messages.extend((task, pk) for pk in ids))
    monkeypatch.setattr(queue, "length", lambda _name: 0)
    return messages


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The CA is down until this is undone."""
    monkeypatch.setattr(EmbeddedConnector, "issue", down)
    return monkeypatch


def ordered(company: Company, number: int = circuit_breaker.FAULTS_TO_OPEN + 1) -> list[Certificate]:
    """As many certificates to be issued, each for another person."""
    for count in range(number):
        target = cast.person(f"person{count}", roles=(Role.SELF_SERVICE_USER,))
        cast.accepted(cast.enabled(company.ada, target, company.vpn))
    return list(Certificate.objects.order_by("created_at"))


def issue(certificate: Certificate) -> Certificate:
    one_step.issue(certificate.pk)
    certificate.refresh_from_db()
    return certificate


def silence(company: Company) -> list[Certificate]:
    """Faults in a row, each by another order; what is left waits."""
    rows = ordered(company)
    for row in rows[: circuit_breaker.FAULTS_TO_OPEN]:
        issue(row)
    return rows


def parked(certificate: Certificate) -> None:
    """An officer has to decide on its order."""
    CaOrder.objects.filter(pk=certificate.order_id).update(parked_at=timezone.now())


def test_after_faults_in_a_row_orders_wait_and_keep_their_attempts(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    rows = ordered(company)
    for row in rows[: circuit_breaker.FAULTS_TO_OPEN - 1]:
        issue(row)
    assert not CaOutage.objects.open().exists()
    issue(rows[circuit_breaker.FAULTS_TO_OPEN - 1])
    row = CaOutage.objects.open().get()
    assert (row.alias, row.faults, row.fault) == (CA, circuit_breaker.FAULTS_TO_OPEN, "refused")

    last = issue(rows[-1])
    assert (last.attempts, last.order_id, last.last_error) == (0, None, "")
    assert CaAttempt.objects.count() == circuit_breaker.FAULTS_TO_OPEN
    event = AuditEvent.objects.get(name="ca.silent")
    assert event.facts["ca"] == CA


def test_an_answer_between_begins_the_count_anew(company: Company, published: list[tuple[str, Any]]) -> None:
    for _turn in range(3):
        for _fault in range(circuit_breaker.FAULTS_TO_OPEN - 1):
            circuit_breaker.record_fault(CA, detail="down", fault="refused")
        circuit_breaker.record_answer(CA)
    assert not CaOutage.objects.open().exists()
    assert CaOutage.objects.get().faults == 0


def test_each_silence_is_told_since_its_own_beginning(db: None) -> None:
    began = [timezone.now(), timezone.now() + timedelta(hours=3)]
    for moment in began:
        with time_machine.travel(moment, tick=False):
            for _fault in range(circuit_breaker.FAULTS_TO_OPEN):
                circuit_breaker.record_fault(CA, detail="down", fault="refused")
            circuit_breaker.record_answer(CA)
    told = [event.facts["since"] for event in AuditEvent.objects.filter(name="ca.answers-again")]
    assert sorted(told) == [moment.isoformat() for moment in began]


def test_the_sweep_lets_one_go_at_a_time(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    silence(company)
    published.clear()
    sweep.sweep()
    assert [task for task, _pk in published if task == task_names.ISSUE] == []

    at = timezone.now()
    for _turn in range(4):
        at += timedelta(minutes=3)
        published.clear()
        with time_machine.travel(at):
            sweep.sweep()
            tries = [pk for task, pk in published if task == task_names.ISSUE]
            assert len(tries) == 1
            before = CaAttempt.objects.count()
            for row in Certificate.objects.filter(state=CertificateState.ORDERED):
                issue(row)  # also those whose messages come late, or twice
            assert CaAttempt.objects.count() == before + 1
    assert CaOutage.objects.open().get().trials == 4


def test_a_parked_order_is_no_trial(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    """It would not reach the CA, so nobody would ever learn that it answers again."""
    rows = ordered(company, 2)
    parked(issue(rows[0]))
    for _fault in range(circuit_breaker.FAULTS_TO_OPEN):
        circuit_breaker.record_fault(CA, detail="down", fault="refused")
    Certificate.objects.filter(pk=rows[0].pk).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    published.clear()
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        sweep.sweep()
    assert [pk for task, pk in published if task == task_names.ISSUE] == [rows[1].pk]


def test_trials_come_less_and_less_often() -> None:
    waits = [circuit_breaker._probe_interval(number) for number in range(12)]
    assert waits == sorted(waits)
    assert waits[0] == circuit_breaker.FIRST_PROBE_AFTER
    assert waits[-1] == circuit_breaker.LONGEST_PROBE_INTERVAL


def test_a_trial_that_is_answered_ends_it_and_all_go_on(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    rows = silence(company)
    Certificate.objects.filter(pk=rows[0].pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    outage.undo()
    outage.setattr(queue, "publish", lambda task, *ids: published.extend((task, pk) for pk in ids))
    outage.setattr(queue, "length", lambda _name: 0)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert issue(rows[-1]).state == CertificateState.VALID
        assert not CaOutage.objects.open().exists()
        published.clear()
        sweep.sweep()
        due = {pk for task, pk in published if task == task_names.ISSUE}
        assert due == {row.pk for row in rows[:-1]}, "also the one that was put off for an hour"
    assert AuditEvent.objects.filter(name="ca.answers-again").count() == 1


@pytest.mark.parametrize(
    "answer", [Refused("No.", ""), Pending("17", timezone.now() + timedelta(hours=3))], ids=["no", "later"]
)
def test_a_refusal_and_a_promise_are_answers(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch, answer: Any
) -> None:
    rows = silence(company)
    outage.setattr(EmbeddedConnector, "issue", lambda _self, _order: answer)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        issue(rows[-1])
        assert not CaOutage.objects.open().exists()
    if isinstance(answer, Pending):
        rows[-1].refresh_from_db()
        assert rows[-1].next_attempt_at == answer.not_before, "the CA's own time is kept"


def test_no_answer_that_can_be_believed_is_a_fault_and_a_parked_order_says_nothing(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CA_CONNECTORS = {CA: {**settings.CA_CONNECTORS[CA], "UNKNOWN": "park"}}
    outage.setattr(EmbeddedConnector, "issue", lambda _self, _order: Unknown("silence"))
    (row,) = ordered(company, 1)
    issue(row)
    assert CaOutage.objects.get().faults == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        issue(row)
        row.refresh_from_db()
        assert row.order is not None
        assert row.order.parked_at is not None
    assert CaOutage.objects.get().faults == 1


def check(monkeypatch: pytest.MonkeyPatch, *, ok: bool) -> None:
    monkeypatch.setattr(EmbeddedConnector, "health", lambda _self: Health(ok=ok, detail="said"))
    circuit_breaker.check_all()


def test_checks_open_and_close_where_nothing_waits(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
        check(monkeypatch, ok=False)
    assert CaOutage.objects.open().exists()
    check(monkeypatch, ok=True)
    assert not CaOutage.objects.open().exists()


def test_checks_close_where_nothing_waits_but_a_parked_order(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    (row,) = ordered(company, 1)
    parked(issue(row))
    for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
        check(outage, ok=False)
    assert CaOutage.objects.open().exists()
    check(outage, ok=True)
    assert not CaOutage.objects.open().exists()


def test_a_check_that_is_answered_lets_a_trial_go_where_orders_wait(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    """A health check may need less than an order: the order has the last word."""
    rows = silence(company)
    check(outage, ok=True)
    assert CaOutage.objects.open().exists()
    before = CaAttempt.objects.count()
    for row in rows:
        issue(row)
    assert CaAttempt.objects.count() == before + 1
    assert CaOutage.objects.open().exists()


def test_without_a_broker_one_goes_at_a_time_too(
    company: Company, published: list[tuple[str, Any]], outage: pytest.MonkeyPatch
) -> None:
    silence(company)
    before = CaAttempt.objects.count()
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        done = standby._do(task_names.ISSUE, sweep.WORK[task_names.ISSUE]())
    assert done == 1
    assert CaAttempt.objects.count() == before + 1


def test_another_ca_is_not_kept_from_its_orders(company: Company, published: list[tuple[str, Any]]) -> None:
    for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
        circuit_breaker.record_fault("elsewhere", detail="down", fault="")
    (row,) = ordered(company, 1)
    assert row in circuit_breaker.to_be_issued()
    assert issue(row).state == CertificateState.VALID


@pytest.mark.django_db(transaction=True)
class TestTogether:
    """Many workers, one database."""

    WORKERS = 6

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

        def run(position: int, call: Callable[[], Any]) -> None:
            try:
                barrier.wait(timeout=30)
                results[position] = call()
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return results

    def fault(self) -> None:
        circuit_breaker.record_fault(CA, detail="down", fault="")

    def test_every_fault_counts_and_one_opens(self) -> None:
        self.together(*[self.fault] * self.WORKERS)
        assert CaOutage.objects.open().get().faults == self.WORKERS
        assert AuditEvent.objects.filter(name="ca.silent").count() == 1

    def test_one_takes_the_trial(self, company: Company, published: list[tuple[str, Any]]) -> None:
        (row,) = ordered(company, 1)
        for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
            self.fault()
        CaOutage.objects.update(trial_at=timezone.now() - timedelta(seconds=1))

        def passes() -> bool:
            return circuit_breaker.allow_calls([row], circuit_breaker.in_trouble()) == [row]

        passed = self.together(*[passes] * self.WORKERS)
        assert sorted(passed) == [False] * (self.WORKERS - 1) + [True]

    def test_one_closes(self) -> None:
        for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
            self.fault()
        self.together(*[lambda: circuit_breaker.record_answer(CA)] * self.WORKERS)
        assert not CaOutage.objects.open().exists()
        assert AuditEvent.objects.filter(name="ca.answers-again").count() == 1
