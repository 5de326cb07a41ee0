"""Group commit: a worker under load takes several tokens at once, each under its own claim."""

import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import CertificateOrder, Pending, Refused, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.models import CaAttempt, CaOrder
from identity_manager import queue, task_names
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Container,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions import issuance_locks
from identity_manager.workflow import step5_issue
from identity_manager.workflow.issuance import claims, drafting, finished_here, order_journalling
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.workflow.worker import works
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
GROUP = issuance_locks.GROUP
KEYS = [str(uuid.uuid4()) for _ in range(50)]


def waiting(company: Company, number: int, *types: Any) -> list[TokenRequest]:
    """So many requests whose tokens wait to be issued, for longer than any waits on an idle system."""
    people = [cast.person(f"u{each}") for each in range(number)]
    requests = [cast.accepted(cast.enabled(company.ada, each, *types or (company.vpn,))) for each in people]
    have_waited()
    return requests


def have_waited() -> None:
    Certificate.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def issue(number: int = 0) -> None:
    """As a message for that certificate has it done."""
    step5_issue.issue(certificate_id=Certificate.objects.order_by("pk").values_list("pk", flat=True)[number])


def states() -> list[str]:
    return sorted(SoftwareToken.objects.values_list("state", flat=True))


def is_each_once(number: int) -> bool:
    """Whether so many tokens are sealed, and each of everything that belongs to them is there once."""
    names = ("certificate.key-bound", "certificate.issued", "certificate.key-erased", "token.sealed")
    counts = {
        *(AuditEvent.objects.filter(name=name).count() for name in (*names, "request.issued")),
        SoftwareToken.objects.filter(state="sealed", claim_id=None, passphrase_wrapped__isnull=False).count(),
        Certificate.objects.filter(state="valid", claim_id=None, private_key_wrapped=None).count(),
        OutgoingMail.objects.filter(message="delivery").count(),
        CaAttempt.objects.filter(outcome="issued").count(),
        IssuedCertificate.objects.count(),
        CaOrder.objects.filter(state="issued").count(),
        TokenRequest.objects.filter(state="issued").count(),
        Container.objects.count() // 2,
    }
    return counts == {number}


def test_those_that_have_waited_go_together(company: Company) -> None:
    waiting(company, GROUP + 1)
    issue()
    assert states() == ["issuing", *["sealed"] * GROUP]
    assert is_each_once(GROUP)


def test_on_an_idle_system_each_goes_alone(company: Company) -> None:
    waiting(company, 2)
    Certificate.objects.update(next_attempt_at=timezone.now())
    issue()
    assert states() == ["issuing", "sealed"]


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        pytest.param(5, [4, 1], id="one"),
        pytest.param(9, [4, 3, 1, 1], id="a-few"),
        pytest.param(12, [4, 4, 2, 1, 1], id="many"),
    ],
)
def test_of_what_waits_half_is_left_to_the_worker_that_did_the_messages_token(
    company: Company, monkeypatch: pytest.MonkeyPatch, number: int, taken: list[int]
) -> None:
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)  # as in another process
    monkeypatch.setattr(claims, "GROUP", 4)
    waiting(company, number)
    found = []
    for _message in taken:
        done = states().count("sealed")
        issue()
        found.append(states().count("sealed") - done)
    assert found == taken
    assert is_each_once(number)


def test_what_this_process_has_just_finished_is_not_looked_at_again(
    company: Company, django_assert_num_queries: Any
) -> None:
    waiting(company, GROUP + 1)
    first = list(Certificate.objects.order_by("next_attempt_at").values_list("pk", flat=True))
    step5_issue.issue(certificate_id=first[0])
    done = Certificate.objects.filter(state="valid").values_list("pk", flat=True)
    for pk in [*done]:
        with django_assert_num_queries(0):
            step5_issue.issue(certificate_id=pk)
    step5_issue.issue(certificate_id=Certificate.objects.exclude(state="valid").get().pk)
    assert is_each_once(GROUP + 1)


def test_what_did_not_come_is_looked_at_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(company, 2)
    answers_one(monkeypatch, lambda: Pending("later", timezone.now()))
    issue()
    have_waited()
    step5_issue.issue(certificate_id=Certificate.objects.exclude(state="valid").get().pk)
    assert states() == ["sealed", "sealed"]


def test_after_a_restore_it_is_looked_at_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(company, 1)
    issue()
    pk = Certificate.objects.get().pk
    assert finished_here.has(pk)
    later = finished_here.time.monotonic() + finished_here.KEPT_SECONDS + 1
    monkeypatch.setattr(finished_here.time, "monotonic", lambda: later)
    assert not finished_here.has(pk)


def test_each_has_a_claim_of_its_own(company: Company) -> None:
    waiting(company, 3)
    group = claims.claim(Certificate.objects.values_list("pk", flat=True)[0])
    found = {each.claim_id for token in group.tokens for each in token.claimed}
    assert len(found) == 3
    assert set(Certificate.objects.values_list("claim_id", flat=True)) == found


def test_what_somebody_has_is_left_to_them(company: Company) -> None:
    waiting(company, 3)
    theirs = Certificate.objects.order_by("pk")[1]
    assert Certificate.objects.claim(theirs.pk, now=timezone.now())
    issue()
    assert states() == ["issuing", "sealed", "sealed"]
    theirs.refresh_from_db()
    assert theirs.state == "ordered"


@pytest.mark.parametrize("size", [1, 3])
def test_a_ca_says_how_many_go_together(company: Company, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(EmbeddedConnector, "group_size", size)
    waiting(company, 4)
    issue()
    assert states().count("sealed") == size


@pytest.mark.parametrize("policy", ["park", "ask-again"])
def test_where_a_search_does_not_decide_each_goes_alone(company: Company, settings: Any, policy: str) -> None:
    corporate = settings.CA_CONNECTORS["corporate"] | {"UNKNOWN": policy}
    settings.CA_CONNECTORS = {**settings.CA_CONNECTORS, "corporate": corporate}
    waiting(company, 2)
    issue()
    assert states() == ["issuing", "sealed"]


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CA has no call for several orders, as others have none."""
    monkeypatch.delattr(EmbeddedConnector, "issue_many")


def answers_one(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], object]) -> None:
    """The CA says something else to the second order."""
    monkeypatch.delattr(EmbeddedConnector, "issue_many")
    original, asked = EmbeddedConnector.issue, list[CertificateOrder]()

    def issue_or(self: EmbeddedConnector, order: CertificateOrder) -> Any:
        asked.append(order)
        return answer() if len(asked) == 2 else original(self, order)

    monkeypatch.setattr(EmbeddedConnector, "issue", issue_or)


@pytest.mark.parametrize(
    ("answer", "state"),
    [(lambda: Refused("No.", ""), "refused"), (lambda: Pending("later", timezone.now()), "ordered")],
)
def test_one_that_is_not_issued_keeps_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], object], state: str
) -> None:
    waiting(company, 3)
    answers_one(monkeypatch, answer)
    issue()
    assert states() == ["issuing", "sealed", "sealed"]
    assert sorted(Certificate.objects.values_list("state", flat=True)) == sorted([state, "valid", "valid"])


def test_one_that_is_broken_keeps_no_other(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw, at one of them, stands on that one, and is raised in the end."""
    waiting(company, 3)
    original, drawn = drafting.draft, list[Certificate]()

    def draw(certificate: Certificate) -> Any:
        drawn.append(certificate)
        if len(drawn) == 2:
            raise LookupError("a slip of ours")
        return original(certificate)

    monkeypatch.setattr(drafting, "draft", draw)
    with pytest.raises(LookupError):
        issue()
    assert states() == ["issuing", "sealed", "sealed"]
    broken = Certificate.objects.get(state="ordered")
    assert (broken.last_error, broken.claim_id, broken.pk) == ("LookupError", None, drawn[1].pk)


@pytest.mark.usefixtures("one_at_a_time")
def test_a_person_who_is_locked_meanwhile_keeps_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = waiting(company, 3)
    original, asked = step5_issue.issuing.ask, list[Any]()

    def ask(order: Any) -> Any:
        asked.append(order)
        if len(asked) == 2:
            reason = RevocationReason.CESSATION_OF_OPERATION
            leave_and_return.lock(actor=company.rita, person_id=requests[1].person_id, reason=reason)
        return original(order)

    monkeypatch.setattr(step5_issue.issuing, "ask", ask)
    issue()
    assert Person.objects.get(pk=requests[1].person_id).state == "locked"
    assert states().count("sealed") == 2
    late = Certificate.objects.get(token__request=requests[1])
    assert (late.state, late.revocation_decided_at is not None) == ("valid", True)
    assert not Container.objects.filter(token__request=requests[1]).exists()


@pytest.mark.parametrize("name", ["journal_orders", "record_issued"])
def test_what_fails_together_is_done_one_by_one(
    company: Company, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The transaction is rolled back, nothing of it is left, and each is done alone."""
    waiting(company, 3)
    bridge = step5_issue.issuing
    original = getattr(bridge, name)

    def fail(*args: Any) -> Any:
        original(*args)
        raise LookupError("a slip of ours")

    with monkeypatch.context() as patch:
        patch.setattr(bridge, name, fail)
        issue()
    works(task_names.SEAL)
    assert is_each_once(3)


def test_two_tokens_of_a_request_issue_it_together(company: Company) -> None:
    (request,) = waiting(company, 1, cast.token_type("vpn"), cast.token_type("mail", profiles=("mail",)))
    issue()
    request.refresh_from_db()
    assert (request.state, states()) == ("issued", ["sealed", "sealed"])
    assert AuditEvent.objects.filter(name="request.issued").count() == 1


@pytest.mark.usefixtures("one_at_a_time")
def test_without_a_call_for_several_each_is_asked_for(company: Company) -> None:
    waiting(company, 3)
    issue()
    assert is_each_once(3)


def test_the_ca_is_called_once_for_a_group_and_not_for_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of(monkeypatch)
    waiting(company, 3)
    issue()
    assert calls == ["issue_many 3"]
    Certificate.objects.update(next_attempt_at=timezone.now())
    waiting_alone = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn))
    step5_issue.issue(certificate_id=Certificate.objects.get(token__request=waiting_alone).pk)
    assert calls == ["issue_many 3", "issue"]
    assert is_each_once(4)


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the CA is called for from now on."""
    calls, alone, several = list[str](), EmbeddedConnector.issue, EmbeddedConnector.issue_many

    def issue_alone(self: EmbeddedConnector, order: CertificateOrder) -> Any:
        calls.append("issue")
        return alone(self, order)

    def issue_several(self: EmbeddedConnector, orders: Any) -> Any:
        calls.append(f"issue_many {len(orders)}")
        return several(self, orders)

    monkeypatch.setattr(EmbeddedConnector, "issue", issue_alone)
    monkeypatch.setattr(EmbeddedConnector, "issue_many", issue_several)
    return calls


@pytest.mark.parametrize("error", [CaError("Down."), OSError("cut"), LookupError("a slip of ours")])
def test_where_the_answer_for_several_is_lost_each_is_asked_for_and_issued_once(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    waiting(company, 3)
    loses_answer_for_several(monkeypatch, error)
    calls = calls_of(monkeypatch)
    issue()
    assert calls == ["issue_many 3", "issue", "issue", "issue"]
    assert is_each_once(3)


def loses_answer_for_several(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The CA has issued, and its answer does not come."""
    original = EmbeddedConnector.issue_many

    def issue_many(self: EmbeddedConnector, orders: Any) -> Any:
        original(self, orders)
        raise error

    monkeypatch.setattr(EmbeddedConnector, "issue_many", issue_many)


def test_where_time_is_over_while_several_are_asked_for_none_is_issued_twice(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(company, 3)
    with monkeypatch.context() as patch:
        loses_answer_for_several(patch, SoftTimeLimitExceeded())
        calls = calls_of(patch)
        with pytest.raises(SoftTimeLimitExceeded):
            issue()
    assert (calls, states()) == (["issue_many 3"], ["issuing"] * 3)
    assert not Certificate.objects.exclude(claim_id=None).exists()
    for number in range(3):
        have_waited()
        issue(number)
    assert is_each_once(3)


def test_persons_who_are_locked_while_several_are_asked_for_keep_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = waiting(company, 3)
    original = EmbeddedConnector.issue_many

    def issue_many(self: EmbeddedConnector, orders: Any) -> Any:
        reason = RevocationReason.CESSATION_OF_OPERATION
        leave_and_return.lock(actor=company.rita, person_id=requests[1].person_id, reason=reason)
        return original(self, orders)

    monkeypatch.setattr(EmbeddedConnector, "issue_many", issue_many)
    issue()
    assert states().count("sealed") == 2
    late = Certificate.objects.get(token__request=requests[1])
    assert (late.state, late.revocation_decided_at is not None) == ("valid", True)
    assert not Container.objects.filter(token__request=requests[1]).exists()


@pytest.mark.usefixtures("one_at_a_time")
def test_where_time_is_over_what_has_an_answer_is_settled(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the second CA is asked: nobody knows what it did, and the third is not asked any more."""
    waiting(company, 3)
    original, asked = EmbeddedConnector.issue, list[Any]()

    def ask(self: EmbeddedConnector, order: CertificateOrder) -> Any:
        asked.append(order)
        answer = original(self, order)
        if len(asked) == 2:
            raise SoftTimeLimitExceeded
        return answer

    monkeypatch.setattr(EmbeddedConnector, "issue", ask)
    with pytest.raises(SoftTimeLimitExceeded):
        issue()
    assert (len(asked), states()) == (2, ["issuing", "issuing", "sealed"])
    assert not Certificate.objects.exclude(claim_id=None).exists()
    for number in (1, 2):
        have_waited()
        issue(number)
    assert is_each_once(3)


def test_one_whose_check_is_broken_keeps_no_other(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = waiting(company, 3)
    original, broken = order_journalling.snapshot.differences, requests[1].pk

    def differences(tokens: Any) -> Any:
        if tokens[0].request_id == broken:
            raise KeyError("a field that is gone")
        return original(tokens)

    monkeypatch.setattr(order_journalling.snapshot, "differences", differences)
    with pytest.raises(KeyError):
        issue()
    assert states() == ["issuing", "sealed", "sealed"]
    row = Certificate.objects.get(token__request=broken)
    assert (row.last_error, row.claim_id) == ("KeyError", None)


def test_what_another_worker_claims_between_two_transactions_is_left_to_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours stands still for longer than its lease, after it has journalled the order."""
    waiting(company, 1)
    original, theirs = claims.ClaimedToken.read_again, uuid.uuid4()

    def read_again(token: claims.ClaimedToken) -> None:
        Certificate.objects.update(claim_id=theirs)
        original(token)

    monkeypatch.setattr(claims.ClaimedToken, "read_again", read_again)
    monkeypatch.setattr(order_journalling, "is_plain", lambda _token: False)
    issue()
    assert not CaAttempt.objects.exclude(outcome="").exists()
    assert (Certificate.objects.get().claim_id, states()) == (theirs, ["issuing"])


def test_threads_of_a_worker_note_what_they_have_finished_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)  # each note forgets what the others have noted
    monkeypatch.setattr(finished_here, "_finished", {})
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in threads.map(lambda _each: finished_here.note(map(uuid.UUID, KEYS)), range(400)):
                pass
    finally:
        sys.setswitchinterval(before)


# --- One message for a burst
@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Any:
    """The certificates about which that work publishes a message."""
    found: list[uuid.UUID] = []
    monkeypatch.setattr(queue, "publish", lambda task, *ids: task == task_names.ISSUE and found.extend(ids))

    def by(work: Callable[[], object]) -> list[uuid.UUID]:
        found.clear()
        with django_capture_on_commit_callbacks(execute=True):
            work()
        return list(found)

    return by


def accepted_pair(company: Company) -> TokenRequest:
    pair = cast.token_type("pair", profiles=("signing", "encryption"))
    return cast.accepted(cast.enabled(company.ada, company.uma, pair))


def test_a_token_of_several_certificates_gets_one_message(company: Company, published: Any) -> None:
    assert len(published(lambda: accepted_pair(company))) == 1
    assert published(issue) == [], "one worker does both"
    assert states() == ["sealed"]


def test_where_they_are_asked_one_by_one_the_next_is_announced(
    company: Company, published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims.registry, "search_decides", lambda _alias: False)
    assert len(published(lambda: accepted_pair(company))) == 1
    first, second = Certificate.objects.order_by("position").values_list("pk", flat=True)
    assert published(lambda: step5_issue.issue(certificate_id=first)) == [second]
    assert published(lambda: step5_issue.issue(certificate_id=second)) == []
    assert states() == ["sealed"]


def test_while_a_ca_is_silent_nothing_is_announced(
    company: Company, published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that are both put off would announce each other for ever."""
    monkeypatch.setattr(claims.registry, "search_decides", lambda _alias: False)
    accepted_pair(company)
    monkeypatch.setattr(claims.circuit_breaker, "allow_calls", lambda _due, _troubled: [])
    assert published(issue) == []


def test_the_mails_of_a_group_are_one_message(
    company: Company, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    waiting(company, GROUP)
    messages: list[tuple[object, ...]] = []
    monkeypatch.setattr(queue, "publish", lambda *message: messages.append(message))
    with django_capture_on_commit_callbacks(execute=True):
        issue()
    mails = OutgoingMail.objects.filter(message="delivery").values_list("pk", flat=True)
    ((task, *named),) = [each for each in messages if each[0] == task_names.SEND_MAIL]
    assert (task, len(named), set(named)) == (task_names.SEND_MAIL, GROUP, set(mails))
