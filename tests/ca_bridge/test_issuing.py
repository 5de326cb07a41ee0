"""The door to the CAs: journal_order, ask, record, with a CA that does what the test says."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_fsm import ConcurrentTransition

from ca_bridge import issuing
from ca_bridge.connection import exception_boundary, registry
from ca_bridge.contract import (
    Issued,
    KeyAlgorithm,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.keys import keys
from ca_bridge.models import CaAttempt, CaOrder, SurplusCertificate
from ca_bridge.x509 import verification
from ca_bridge.x509.subject_alt_names import sid_extension, to_general_name
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import Issuance, answers, fails, issued

State, Outcome = CaOrder.State, CaAttempt.Outcome
pytestmark = pytest.mark.django_db

LOST = TimeoutError("no answer within 30 s")
DOWN = CaError("The certificate authority is down.", "connection refused")


@pytest.fixture(params=["ScriptedConnector"])
def ca(request: pytest.FixtureRequest, settings: Any) -> scripted.ScriptedConnector:
    """The scripted CA behind the alias; which class and which policy, a test may say."""
    configured = request.param if isinstance(request.param, dict) else {"CONNECTOR": request.param}
    path = f"tests.ca_bridge.scripted.{configured['CONNECTOR']}"
    # A name of its own makes the registry build a new instance for each test.
    alias = str(uuid4())
    settings.CA_CONNECTORS = {alias: configured | {"CONNECTOR": path}}
    connector: Any = registry.connector(alias)
    connector.alias = alias
    return connector


@pytest.fixture
def order(ca: Any, prepared: Any) -> CaOrder:
    return prepared(ca=ca.alias)


def connected(connector: str, **settings: str) -> pytest.MarkDecorator:
    """The test runs with this connector and these settings of the connection."""
    return pytest.mark.parametrize("ca", [{"CONNECTOR": connector, **settings}], indirect=True)


searchable = connected("SearchableConnector")
together = connected("TogetherConnector")
asking_again = connected("ScriptedConnector", UNKNOWN="ask-again")
parking = connected("ScriptedConnector", UNKNOWN="park")


def ask_and_record(order: CaOrder) -> CaOrder:
    return issuing.record(order.pk, issuing.ask(order.pk))


def outcomes(order: CaOrder) -> list[str]:
    return [attempt.outcome for attempt in order.attempts.all()]


# --- the straight road


def test_issued(ca, order):
    ca.script.append(issued())
    order = ask_and_record(order)

    facts = issuing.describe(order.certificate)
    assert order.state == State.ISSUED
    assert (order.serial, order.serial_hex, order.issuer) == (facts.serial, facts.serial_hex, facts.issuer)
    assert order.chain == (scripted.issuing_ca().der,)
    assert outcomes(order) == [Outcome.ISSUED]


def test_an_issued_order_is_answered_from_the_journal(ca, order):
    ca.script.append(issued())
    order = ask_and_record(order)
    assert issuing.ask(order.pk) == Issued(order.certificate, order.chain)
    assert issuing.record(order.pk, issuing.ask(order.pk)).state == State.ISSUED
    assert ca.calls == ["issue"]


def test_what_was_examined_before_is_not_examined_again(ca, order, monkeypatch):
    ca.script.append(issued())
    answer = issuing.ask(order.pk)
    examined = issuing.examine(order.pk, answer)
    monkeypatch.setattr(verification, "faults", lambda *_: ("examined again",))

    order = issuing.record(order.pk, answer, examined=examined)
    assert (order.state, order.certificate, order.chain) == (
        State.ISSUED,
        answer.certificate,
        (scripted.issuing_ca().der,),
    )


def test_what_was_found_of_another_answer_or_order_counts_for_nothing(ca, order, prepared):
    ca.script += [issued(), issued()]
    other = prepared(ca=order.ca)
    right, answer = issuing.ask(order.pk), issuing.ask(other.pk)
    examined = issuing.examine(order.pk, right)

    assert issuing.record(other.pk, right, examined=examined).state == State.REFUSED
    order = issuing.record(order.pk, answer, examined=examined)
    assert order.state == State.REFUSED
    assert "the public key is not the one of the request" in order.detail


def test_what_was_found_wrong_before_is_refused(ca, order):
    ca.script.append(issued(Issuance(drop=(SAN,))))
    answer = issuing.ask(order.pk)
    examined = issuing.examine(order.pk, answer)
    assert examined.found
    assert issuing.record(order.pk, answer, examined=examined).state == State.REFUSED


def test_only_what_was_issued_for_an_open_order_is_examined(ca, order):
    ca.script.append(issued())
    assert issuing.examine(order.pk, Refused("No.", "")) is None
    answer = issuing.ask(order.pk)
    issuing.record(order.pk, answer)
    assert issuing.examine(order.pk, answer) is None


def test_the_root_is_not_kept_in_the_chain(ca, order):
    ca.script.append(issued(chain=(scripted.issuing_ca().der, scripted.root_ca().der)))
    assert ask_and_record(order).chain == (scripted.issuing_ca().der,)


def test_pending_is_fetched_with_its_handle(ca, order):
    later = timezone.now() + timedelta(minutes=5)
    ca.script += [answers(Pending("no. 7", later)), answers(Pending("no. 7", later)), issued()]
    order = ask_and_record(order)
    assert (order.state, order.handle, order.ask_not_before) == (State.PENDING, "no. 7", later)
    assert ask_and_record(order).state == State.PENDING
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "fetch no. 7", "fetch no. 7"]
    assert outcomes(order) == [Outcome.PENDING, Outcome.PENDING, Outcome.ISSUED]


def test_a_refusal_is_for_good(ca, order):
    ca.script.append(answers(Refused("Not for you.", "policy 12")))
    order = ask_and_record(order)
    assert (order.state, order.error, order.detail) == (State.REFUSED, "Not for you.", "policy 12")
    assert issuing.ask(order.pk) == Refused("Not for you.", "policy 12")
    assert ca.calls == ["issue"]


def test_a_permanent_error_is_a_refusal(ca, order):
    ca.script.append(fails(CaError("No such profile.", "404", permanent=True)))
    assert issuing.ask(order.pk) == Refused("No such profile.", "404")


# --- journal_order


def test_prepare_is_idempotent(ca, prepared, key):
    first = prepared(ca=ca.alias, idempotency_key="certificate 1", key=key)
    assert prepared(ca=ca.alias, idempotency_key="certificate 1", key=key) == first
    assert CaOrder.objects.count() == 1


def test_an_idempotency_key_belongs_to_one_key(ca, prepared):
    prepared(ca=ca.alias, idempotency_key="certificate 1")
    with pytest.raises(CaError, match="another key") as caught:
        prepared(ca=ca.alias, idempotency_key="certificate 1")
    assert caught.value.permanent


def test_a_key_is_used_once(ca, prepared, key):
    prepared(ca=ca.alias, key=key)
    with pytest.raises(CaError, match="used for another certificate"):
        prepared(ca=ca.alias, key=key)


@pytest.mark.parametrize(
    ("algorithm", "usage"),
    [(KeyAlgorithm.EC_P256, "keyEncipherment"), (KeyAlgorithm.RSA_2048, "keyAgreement")],
)
def test_key_usage_must_suit_the_key(ca, prepared, content, algorithm, usage):
    with pytest.raises(CaError, match=usage):
        prepared(ca=ca.alias, key=keys.generate(algorithm), content=replace(content, key_usage=(usage,)))
    assert not CaOrder.objects.exists()


def test_an_unknown_ca_is_refused(ca, prepared):
    with pytest.raises(CaError, match="not configured"):
        prepared(ca="nobody")


def test_validity_must_end_after_it_begins():
    now = timezone.now()
    with pytest.raises(CaError, match="must end after"):
        issuing.Validity(now, now)


def test_the_journal_holds_the_request_and_no_key(ca, order, prepared, key):
    order = prepared(ca=ca.alias, key=key)
    request = x509.load_der_x509_csr(order.csr)
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()
    assert order.public_key_sha256 == keys.public_key_sha256(key)
    private = keys.to_pkcs8(key)
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    row = repr(CaOrder.objects.filter(pk=order.pk).values().get()).encode()
    assert private not in order.csr
    assert secret not in order.csr
    assert secret.hex().encode() not in row


# --- faults that pass, and doubt


def test_a_passing_fault_is_raised_and_journalled(ca, order):
    ca.script += [fails(DOWN), issued()]
    with pytest.raises(CaError, match="down") as caught:
        issuing.ask(order.pk)
    assert not caught.value.permanent
    order.refresh_from_db()
    assert (order.state, order.error, order.detail) == (State.ASKED, DOWN.message, DOWN.detail)

    order = ask_and_record(order)
    assert (order.state, order.error) == (State.ISSUED, "")
    assert outcomes(order) == [Outcome.FAULT, Outcome.ISSUED]


@parking
def test_a_passing_fault_leaves_no_doubt(ca, order):
    ca.script += [fails(DOWN), issued()]
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert ask_and_record(order).state == State.ISSUED


@pytest.mark.parametrize("step", [answers(Unknown("read timeout")), fails(LOST), answers(None)])
def test_no_answer_that_can_be_believed_is_unknown(ca, order, step):
    ca.script.append(step)
    order = ask_and_record(order)
    assert order.state == State.UNKNOWN
    assert order.detail
    assert outcomes(order) == [Outcome.UNKNOWN]


@searchable
def test_unknown_is_looked_up_and_found(ca, order):
    ca.script += [fails(LOST), issued()]
    assert ask_and_record(order).state == State.UNKNOWN
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find"]


@searchable
def test_unknown_is_looked_up_not_found_and_asked_again(ca, order):
    ca.script += [fails(LOST), answers(None), issued()]
    ask_and_record(order)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find", "issue"]


@searchable
def test_an_answer_that_was_never_recorded_is_looked_up(ca, order):
    """The worker dies between ask and record: the attempt stands open in the journal."""
    ca.script += [issued(), issued()]
    issuing.ask(order.pk)
    assert outcomes(order) == [""]
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find"]


FORBIDDEN = fails(CaError("Forbidden.", "403", permanent=True))


def seen(order: CaOrder) -> tuple[str, str, bool]:
    """The order's state, what the last search said, and whether it waits for an officer."""
    order.refresh_from_db()
    return order.state, order.search, order.parked_at is not None


@searchable
@pytest.mark.parametrize("refusal", [FORBIDDEN, fails(LOST)])
def test_a_search_that_fails_proves_nothing_and_is_told_to_an_officer(ca, order, refusal):
    ca.script += [fails(LOST), refusal, issued()]
    ask_and_record(order)
    ask_and_record(order)
    assert seen(order) == (State.UNKNOWN, "failed", True)
    assert ask_and_record(order).state == State.ISSUED
    assert seen(order) == (State.ISSUED, "found", False)
    assert ca.calls == ["issue", "find", "find"]


@searchable
def test_a_ca_that_is_down_when_it_is_searched_is_searched_later(ca, order):
    ca.script += [fails(LOST), fails(DOWN), issued()]
    ask_and_record(order)
    with pytest.raises(CaError, match="down"):
        issuing.ask(order.pk)
    assert seen(order) == (State.UNKNOWN, "", False)
    assert ask_and_record(order).state == State.ISSUED


@asking_again
def test_where_nobody_can_search_the_ca_is_asked_again_with_the_same_key(ca, order):
    requests = []

    def remember(step: Any) -> Any:
        return lambda sent: requests.append(sent) or step(sent)

    ca.script += [remember(fails(LOST)), remember(issued())]
    ask_and_record(order)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "issue"]
    assert requests[0] == requests[1]
    assert seen(order) == (State.ISSUED, "impossible", False)


@connected("SearchableConnector", UNKNOWN="ask-again")
def test_asked_again_also_where_the_search_is_forbidden(ca, order):
    ca.script += [fails(LOST), FORBIDDEN, issued()]
    ask_and_record(order)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find", "issue"]


@pytest.mark.parametrize(
    ("ca", "search", "calls"),
    [
        ({"CONNECTOR": "ScriptedConnector"}, "impossible", ["issue"]),
        ({"CONNECTOR": "ScriptedConnector", "UNKNOWN": "park"}, "impossible", ["issue"]),
        ({"CONNECTOR": "SearchableConnector", "UNKNOWN": "park"}, "nothing", ["issue", "find"]),
    ],
    indirect=["ca"],
)
def test_or_the_order_is_parked_until_an_officer_has_looked(ca, order, search, calls):
    found = [answers(None)] if "find" in calls else []
    ca.script += [fails(LOST), *found, *found, issued()]
    ask_and_record(order)
    assert not CaOrder.objects.parked().exists(), "not before it was looked up"
    ask_and_record(order)
    assert seen(order) == (State.UNKNOWN, search, True)
    assert list(CaOrder.objects.parked()) == [order]
    assert ca.calls == calls
    assert outcomes(order) == [Outcome.UNKNOWN], "a search is no attempt"

    issuing.let_ask_again(order.pk)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls.count("issue") == 2
    assert not CaOrder.objects.parked().exists()


@connected("SearchableConnector", UNKNOWN="park")
def test_searched_again_and_again_it_is_parked_since_the_first_time(ca, order):
    ca.script += [fails(LOST), answers(None), answers(None)]
    ask_and_record(order)
    since = ask_and_record(order).parked_at
    with time_machine.travel(_in(hours=2)):
        assert ask_and_record(order).parked_at == since
    assert since is not None


@parking
def test_an_officers_word_counts_for_one_attempt(ca, order):
    ca.script += [fails(LOST), fails(LOST)]
    ask_and_record(order)
    issuing.let_ask_again(order.pk)
    ask_and_record(order)
    ask_and_record(order)
    assert seen(order) == (State.UNKNOWN, "impossible", True)
    assert ca.calls == ["issue", "issue"]


@parking
def test_what_is_given_up_is_refused_and_what_comes_then_is_surplus(ca, order):
    ca.script += [fails(LOST)]
    ask_and_record(order)
    ask_and_record(order)
    order = issuing.give_up(order.pk)
    assert (order.state, order.parked_at) == (State.REFUSED, None)

    issuing.record(order.pk, issued()(order.request), late=True)
    assert order.surplus.count() == 1


@searchable
def test_pending_whose_fetching_failed_is_fetched_again(ca, order):
    """The handle is the CA's own word that it has the order: nothing is in doubt, and nothing asked anew."""
    ca.script += [answers(Pending("no. 7", timezone.now())), fails(LOST), issued()]
    ask_and_record(order)
    assert ask_and_record(order).state == State.UNKNOWN
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "fetch no. 7", "fetch no. 7"]


def test_what_is_pending_stays_so_while_it_cannot_be_fetched(ca, order):
    """Also after a restore: its handle says what to ask for, so nothing is in doubt."""
    ca.script += [answers(Pending("no. 7", timezone.now())), fails(DOWN)]
    ask_and_record(order)
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert seen(order) == (State.PENDING, "", False)
    assert issuing.doubt_open_orders() == 0


@connected("FetchOrdersConnector")
def test_where_fetching_is_ordering_a_lost_fetch_is_in_doubt(ca, order):
    ca.script += [answers(Pending("no. 7", timezone.now())), fails(LOST)]
    ask_and_record(order)
    assert ask_and_record(order).state == State.UNKNOWN
    assert ask_and_record(order).parked_at is not None
    assert ca.calls == ["issue", "issue"]

    ca.script += [issued()]
    issuing.let_ask_again(order.pk)
    assert ask_and_record(order).state == State.ISSUED


@connected("FetchOrdersConnector")
def test_there_nobody_who_wants_it_no_more_orders_it(ca, order):
    ca.script += [answers(Pending("no. 7", timezone.now()))]
    ask_and_record(order)
    for _look in range(2):
        answer = issuing.look_up(order.pk)
        assert isinstance(answer, Unknown)
        issuing.record(order.pk, answer)
        assert list(CaOrder.objects.parked()) == [order]
    assert ca.calls == ["issue"]


@connected("FetchOrdersConnector")
def test_there_what_is_pending_is_in_doubt_after_a_restore(ca, order):
    ca.script += [answers(Pending("no. 7", timezone.now()))]
    ask_and_record(order)
    assert issuing.doubt_open_orders() == 1
    assert ask_and_record(order).parked_at is not None
    assert ca.calls == ["issue"]


def test_a_handle_that_brings_nothing_again_and_again_is_for_an_officer(ca, order):
    ca.script += [answers(Pending("no. 7", timezone.now()))]
    ask_and_record(order)
    for _fetch in range(5):
        assert not CaOrder.objects.parked().exists()
        ca.script += [answers(Unknown("a page that nobody knows"))]
        ask_and_record(order)
    parked = CaOrder.objects.parked().get()
    assert parked.compare_at is not None, "what turns up after an officer gave it up is found"

    ca.script += [fails(DOWN)]
    with pytest.raises(CaError):
        ask_and_record(order)
    assert CaOrder.objects.parked().get().parked_at == parked.parked_at, (
        "the officer may decide all the while"
    )

    ca.script += [answers(Unknown("that page again"))]
    assert ask_and_record(order).parked_at == parked.parked_at, "it waits for the officer since then"

    ca.script += [answers(Pending("no. 7", timezone.now()))]
    assert ask_and_record(order).parked_at is None, "it has an answer again"
    ca.script += [answers(Unknown("once more"))]
    assert ask_and_record(order).parked_at is None, "five times in a row, not in all"


def test_asking_again_lets_go_of_a_handle_that_brings_nothing(ca, order):
    ca.script += [answers(Pending("no. 7", timezone.now())), *[answers(Unknown("what?"))] * 5, issued()]
    for _ask in range(6):
        ask_and_record(order)
    issuing.let_ask_again(order.pk)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls[-1] == "issue"


# --- whoever outlived the lease


def other_answers() -> list[Any]:
    return [Refused("no", ""), Unknown("?"), Pending("stale", timezone.now())]


@pytest.mark.parametrize("late", other_answers(), ids=lambda answer: type(answer).__name__)
def test_of_a_late_answer_only_a_certificate_counts(ca, order, late):
    ca.script += [answers(Pending("no. 7", timezone.now()))]
    order = ask_and_record(order)
    order = issuing.record(order.pk, late, late=True)
    assert (order.state, order.handle, order.error) == (State.PENDING, "no. 7", "")


LATE = Pending("late", timezone.now())


def promised_meanwhile(order: CaOrder) -> Any:
    """A step of a script: while the CA is searched, a worker that was given up tells of its promise."""

    def step(_request: Any) -> None:
        issuing.record(order.pk, LATE, late=True)

    return step


@parking
def test_a_late_promise_to_a_parked_order_is_fetched_and_nothing_is_asked_again(ca, order):
    ca.script += [answers(LATE), issued()]
    late = issuing.ask(order.pk)
    assert ask_and_record(order).parked_at is not None, "nobody knew what became of the first attempt"

    order = issuing.record(order.pk, late, late=True)
    assert (order.state, order.handle, order.parked_at) == (State.PENDING, "late", None)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "fetch late"]


@parking
def test_a_late_certificate_for_a_parked_order_leaves_nothing_to_decide(ca, order):
    ca.script += [issued()]
    late = issuing.ask(order.pk)
    assert ask_and_record(order).parked_at is not None

    assert issuing.record(order.pk, late, late=True).state == State.ISSUED
    assert not CaOrder.objects.parked().exists()


searching_either_way = pytest.mark.parametrize(
    "ca",
    [{"CONNECTOR": "SearchableConnector"}, {"CONNECTOR": "SearchableConnector", "UNKNOWN": "park"}],
    ids=["search", "park"],
    indirect=True,
)


@searching_either_way
def test_a_late_promise_during_the_search_is_fetched_and_nothing_is_asked_again(ca, order):
    ca.script += [answers(LATE), promised_meanwhile(order), fails(DOWN), issued()]
    issuing.ask(order.pk)
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert not CaOrder.objects.parked().exists(), "there is nothing to decide"
    order = ask_and_record(order)
    assert (order.state, order.parked_at) == (State.ISSUED, None)
    assert ca.calls == ["issue", "find", "fetch late", "fetch late"]


@searching_either_way
def test_a_late_certificate_during_the_search_is_used_and_nothing_is_asked_again(ca, order):
    def issued_meanwhile(request: Any) -> None:
        issuing.record(order.pk, issued()(request), late=True)

    ca.script += [fails(LOST), issued_meanwhile]
    ask_and_record(order)
    order = ask_and_record(order)
    assert seen(order) == (State.ISSUED, "", False)
    assert ca.calls == ["issue", "find"]


@searchable
def test_a_late_promise_while_the_ca_is_asked_again_is_fetched_where_that_brings_nothing(ca, order):
    def promised_and_down(_request: Any) -> None:
        issuing.record(order.pk, LATE, late=True)
        raise DOWN

    ca.script += [answers(LATE), answers(None), promised_and_down, issued()]
    issuing.ask(order.pk)
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find", "issue", "fetch late"]


@connected("FetchOrdersConnector")
def test_a_late_promise_that_cannot_be_fetched_leaves_the_doubt(ca, order):
    ca.script += [answers(LATE)]
    late = issuing.ask(order.pk)
    issuing.record(order.pk, late, late=True)
    assert outcomes(order) == [Outcome.UNKNOWN]
    assert ask_and_record(order).parked_at is not None
    assert ca.calls == ["issue"]


@parking
def test_nor_does_a_late_promise_without_a_handle(ca, order):
    """Nobody could fetch it, and the CA may issue yet."""
    ca.script += [answers(Pending("", timezone.now()))]
    late = issuing.ask(order.pk)
    issuing.record(order.pk, late, late=True)
    assert outcomes(order) == [Outcome.UNKNOWN]
    assert ask_and_record(order).parked_at is not None
    assert ca.calls == ["issue"]


@asking_again
def test_nor_does_one_take_the_place_of_another(ca, order):
    """The officer who has the order asked for anew has the CA looked at before: it has two of them."""
    ca.script += [answers(LATE), answers(Pending("no. 7", timezone.now()))]
    late = issuing.ask(order.pk)
    ask_and_record(order)
    order = issuing.record(order.pk, late, late=True)
    assert (order.state, order.handle, outcomes(order)) == (State.PENDING, "no. 7", ["unknown", "pending"])


@searchable
@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (Pending("no. 8", timezone.now()), Outcome.UNKNOWN),
        (Pending("late", timezone.now()), Outcome.PENDING),
        (Unknown("time-out"), Outcome.UNKNOWN),
        (Refused("It exists already.", ""), Outcome.REFUSED),
    ],
    ids=["promise", "the same promise", "doubt", "refusal"],
)
def test_nor_does_a_second_one_take_the_place_of_a_late_one(ca, order, second, outcome):
    def promised_and_answered(_request: Any) -> Any:
        issuing.record(order.pk, LATE, late=True)
        return second

    ca.script += [answers(LATE), answers(None), promised_and_answered, issued()]
    issuing.ask(order.pk)
    order = ask_and_record(order)
    assert (order.state, order.handle) == (State.PENDING, "late")
    assert outcomes(order) == [Outcome.PENDING, outcome]
    assert ask_and_record(order).state == State.ISSUED
    assert ca.calls == ["issue", "find", "issue", "fetch late"]


def test_the_promise_that_is_known_already_leaves_no_doubt(ca, order):
    ca.script += [answers(LATE), answers(LATE), answers(LATE)]
    ask_and_record(order)
    late = issuing.ask(order.pk)
    ask_and_record(order)
    issuing.record(order.pk, late, late=True)
    assert outcomes(order) == [Outcome.PENDING] * 3


def test_a_promise_that_comes_after_the_end_changes_nothing(ca, order):
    ca.script += [answers(LATE)]
    late = issuing.ask(order.pk)
    issuing.give_up(order.pk)
    order = issuing.record(order.pk, late, late=True)
    assert (order.state, order.handle) == (State.REFUSED, "")


def test_a_right_certificate_that_comes_late_is_used_by_whoever_asks_next(ca, order):
    ca.script += [issued()]
    late = issuing.ask(order.pk)
    assert issuing.record(order.pk, late, late=True).state == State.ISSUED
    assert issuing.ask(order.pk) == late
    assert not order.surplus.exists()
    assert ca.calls == ["issue"]


def test_a_wrong_certificate_that_comes_late_is_surplus_and_the_order_goes_on(ca, order):
    ca.script += [issued(Issuance(subject=_name("Eve"))), answers(Pending("no. 7", timezone.now()))]
    late = issuing.ask(order.pk)
    assert issuing.record(order.pk, late, late=True).state == State.ASKED
    assert order.surplus.get().certificate == late.certificate


@asking_again
def test_a_late_answer_closes_its_own_attempt(ca, order):
    ca.script += [issued(), issued()]
    late = issuing.ask(order.pk)
    present = issuing.ask(order.pk)
    issuing.record(order.pk, late, late=True)
    first, second = order.attempts.all()
    assert (first.outcome, second.outcome) == (Outcome.ISSUED, "")
    issuing.record(order.pk, present)
    assert outcomes(order) == [Outcome.ISSUED, Outcome.ISSUED]
    assert order.surplus.get().certificate == present.certificate


def test_a_fault_that_comes_late_changes_nothing_of_what_is_settled(ca, order):
    def settled_meanwhile(request: Any) -> None:
        issuing.record(order.pk, issued()(request))
        raise DOWN

    ca.script += [settled_meanwhile]
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    order.refresh_from_db()
    assert (order.state, order.error) == (State.ISSUED, "")


# --- an order that nobody wants any more


def test_look_up_of_what_was_never_asked(ca, order):
    order = issuing.record(order.pk, issuing.look_up(order.pk))
    assert order.state == State.REFUSED
    assert ca.calls == []
    assert isinstance(issuing.ask(order.pk), Refused)


@pytest.mark.parametrize(
    ("ca", "search"),
    [
        ({"CONNECTOR": "SearchableConnector", "UNKNOWN": "park"}, answers(None)),
        ({"CONNECTOR": "SearchableConnector"}, fails(CaError("Forbidden.", permanent=True))),
    ],
    ids=["a search that the policy does not believe", "a search that failed"],
    indirect=["ca"],
)
def test_what_nobody_wants_any_more_and_may_have_been_issued_is_for_an_officer(ca, order, search):
    ca.script += [fails(LOST), search]
    ask_and_record(order)
    assert issuing.record(order.pk, issuing.look_up(order.pk)).state == State.UNKNOWN
    assert CaOrder.objects.parked().get() == order


def test_look_up_after_faults_only(ca, order):
    ca.script.append(fails(DOWN))
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert isinstance(issuing.look_up(order.pk), Refused)


@searchable
@pytest.mark.parametrize(("step", "answer"), [(issued(), Issued), (answers(None), Refused)])
def test_look_up_searches_and_does_not_ask(ca, order, step, answer):
    ca.script += [fails(LOST), step]
    ask_and_record(order)
    assert isinstance(issuing.look_up(order.pk), answer)
    assert ca.calls == ["issue", "find"]


@searchable
def test_look_up_searches_also_for_what_was_asked_by_a_worker_that_died(ca, order):
    ca.script += [issued(), issued()]
    issuing.ask(order.pk)
    assert isinstance(issuing.look_up(order.pk), Issued)
    assert ca.calls == ["issue", "find"]


def test_look_up_of_what_is_issued_already(ca, order):
    ca.script += [issued()]
    ask_and_record(order)
    assert isinstance(issuing.look_up(order.pk), Issued)
    assert ca.calls == ["issue"]


def test_what_is_issued_is_no_more_to_be_decided_on(ca, order):
    assert not issuing.may_have_issued(order.pk)
    assert issuing.settled(order.pk) is None
    ca.script += [issued()]
    ask_and_record(order)
    assert issuing.may_have_issued(order.pk)
    assert not issuing.park(order.pk)
    assert issuing.settled(order.pk) == issuing.ask(order.pk)
    assert ca.calls == ["issue"]


def test_what_its_ca_has_surely_not_issued_is_not_parked(ca, order):
    assert not issuing.park(order.pk)
    ca.script += [fails(DOWN)]
    with pytest.raises(CaError):
        issuing.ask(order.pk)
    assert not issuing.park(order.pk)
    assert not CaOrder.objects.parked().exists()


def test_look_up_where_nobody_can_search(ca, order):
    ca.script.append(fails(LOST))
    ask_and_record(order)
    assert isinstance(issuing.look_up(order.pk), Unknown)
    assert ca.calls == ["issue"]
    assert seen(order) == (State.UNKNOWN, "impossible", True)


def test_look_up_of_what_is_pending(ca, order):
    ca.script += [answers(Pending("7", timezone.now())), issued()]
    ask_and_record(order)
    assert isinstance(issuing.look_up(order.pk), Issued)


# --- what came back is not what was ordered


def _other_key() -> Any:
    return keys.generate(KeyAlgorithm.EC_P256).public_key()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _valid_at(moment: datetime) -> Issuance:
    return Issuance(not_before=moment, not_after=moment)


def _for_uses(*uses: x509.ObjectIdentifier) -> Issuance:
    return Issuance(drop=(EXTENDED,), add=((x509.ExtendedKeyUsage(uses), False),))


def _in(**time: int) -> Any:
    return timezone.now() + timedelta(**time)


ODD = "HTTP 400 \0\ud800 <html>"  # the first octets of a body that is no text, and half of a character


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (answers(Refused("The CA refused the request.", ODD)), "refused"),
        (answers(Unknown(ODD)), "unknown"),
        (fails(InDoubtError(ODD)), "unknown"),
        (fails(CaError("The CA is away.", ODD)), "fault"),
    ],
)
def test_whatever_a_ca_says_can_be_written_down(ca, order, step, outcome):
    """PostgreSQL takes no NUL, and no database halves of surrogates: the answer would be lost each time."""
    ca.script.append(step)
    with suppress(CaError):
        ask_and_record(order)
    order.refresh_from_db()
    assert outcomes(order) == [outcome]
    assert order.detail == "HTTP 400 \ufffd? <html>"


AUTHORITY_KEY, SAN, USAGE, EXTENDED, POLICIES, SID = (
    "2.5.29.35",  # RFC 5280 4.2.1.1: certificates of a CA name the key that signed them
    "2.5.29.17",
    "2.5.29.15",
    "2.5.29.37",
    "2.5.29.32",
    "1.3.6.1.4.1.311.25.2",
)
OTHER_SAN = (x509.SubjectAlternativeName([x509.RFC822Name("ceo@example.com")]), False)
CLIENT_AUTH, EMAIL_PROTECTION, SERVER_AUTH = (
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsageOID.SERVER_AUTH,
)
CA_TRUE = (x509.BasicConstraints(ca=True, path_length=None), True)
UNHEARD = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.7"), b"\x05\x00"), True)
WRONG = {
    "another key": (lambda: Issuance(public_key=_other_key()), "the public key is not the one"),
    "another subject": (lambda: Issuance(subject=_name("Eve")), "the subject is CN=Eve"),
    "longer": (lambda: Issuance(not_after=_in(days=366)), "longer than ordered"),
    "a minute longer": (lambda: Issuance(not_after=_in(days=365, minutes=1)), "longer than ordered"),
    "earlier": (lambda: Issuance(not_before=_in(days=-2)), "earlier than ordered"),
    "earlier than slow clocks want": (lambda: Issuance(not_before=_in(minutes=-61)), "earlier than ordered"),
    "over when it begins": (lambda: _valid_at(_in(days=9)), "it is never valid"),
    "no names": (lambda: Issuance(drop=(SAN,)), "alternative names are not as ordered"),
    "other names": (lambda: Issuance(drop=(SAN,), add=(OTHER_SAN,)), "alternative names are not"),
    "no key usage": (lambda: Issuance(drop=(USAGE,)), "the key usage is not as ordered"),
    "no extended key usage": (lambda: Issuance(drop=(EXTENDED,)), "the extended key usage is not"),
    "for more than ordered": (
        lambda: _for_uses(CLIENT_AUTH, EMAIL_PROTECTION, SERVER_AUTH),
        "the extended key usage is not",
    ),
    "for less than ordered": (lambda: _for_uses(CLIENT_AUTH), "the extended key usage is not"),
    "no policy": (lambda: Issuance(drop=(POLICIES,)), "a certificate policy is missing"),
    "no SID": (lambda: Issuance(drop=(SID,)), "the security identifier is not as ordered"),
    "a CA": (lambda: Issuance(add=(CA_TRUE,)), "it is a certificate of a CA"),
    "a critical extension": (lambda: Issuance(add=(UNHEARD,)), "1.3.6.1.4.1.99999.7 is critical"),
    "another CA": (lambda: Issuance(ca=scripted.make_ca("Eve's CA")), "it does not lead to"),
    "against the rules": (lambda: Issuance(drop=(AUTHORITY_KEY,)), "lint: .*authority_key_identifier"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_as_ordered_is_refused_and_revoked(ca, order, wrong):
    how, complaint = WRONG[wrong]
    ca.script.append(issued(how()))
    order = ask_and_record(order)

    refused_and_revoked(ca, order, complaint)


def test_a_name_more_than_ordered_is_one_too_many(ca, order):
    names = [to_general_name(*each) for each in order.request.content.subject_alt_names]
    more = x509.SubjectAlternativeName([*names, x509.RFC822Name("ceo@example.com")])
    ca.script.append(issued(Issuance(drop=(SAN,), add=((more, False),))))
    refused_and_revoked(ca, ask_and_record(order), "alternative names are not as ordered")


def test_a_security_identifier_that_nobody_ordered_is_one_too_many(ca, prepared, content):
    """Windows would sign its holder in as somebody."""
    order = prepared(ca=ca.alias, content=replace(content, sid=None))
    ca.script.append(issued(Issuance(add=((sid_extension(content.sid), False),))))
    refused_and_revoked(ca, ask_and_record(order), "the security identifier is not as ordered")


@parking
def test_a_wrong_setting_passes_and_leaves_no_doubt(ca, order, settings):
    """The CA was never asked, so no officer need look there."""
    right = settings.CA_CONNECTORS
    settings.CA_CONNECTORS = misconfigured(ca)
    with pytest.raises(CaError, match="configured wrongly") as caught:
        issuing.ask(order.pk)
    assert not caught.value.permanent
    assert outcomes(order) == ["fault"]

    settings.CA_CONNECTORS = right
    registry.connector(ca.alias).script.append(issued())
    assert ask_and_record(order).state == State.ISSUED


def misconfigured(ca: Any) -> dict[str, Any]:
    """As an operator's slip leaves it."""
    return {ca.alias: {"CONNECTOR": "nowhere.Connector"}}


def test_surplus_of_a_connection_that_is_configured_wrongly_waits_behind_the_others(ca, order, settings):
    ca.script.append(issued(Issuance(drop=(SAN,))))
    ask_and_record(order)
    settings.CA_CONNECTORS = misconfigured(ca)
    with pytest.raises(CaError, match="configured wrongly"):
        issuing.revoke_surplus(order.pk)
    surplus = order.surplus.get()
    assert surplus.tried_at is not None
    assert not surplus.is_for_manual_revocation(timezone.now())


def refused_and_revoked(ca: Any, order: CaOrder, complaint: str) -> None:
    """The order says what was wrong; the certificate is flagged as surplus, and revoked at the CA once."""
    assert order.state == State.REFUSED
    assert order.error == "The CA issued something else than was ordered."
    assert re.search(complaint, order.detail), order.detail
    assert not order.certificate
    (surplus,) = order.surplus.all()
    assert surplus.reason == order.detail
    assert list(CaOrder.objects.with_surplus(timezone.now())) == [order]

    assert issuing.revoke_surplus(order.pk) == 1
    assert ca.revoked == [(surplus.certificate, RevocationReason.SUPERSEDED)]
    assert not CaOrder.objects.with_surplus(timezone.now()).exists()
    assert issuing.revoke_surplus(order.pk) == 0


@pytest.mark.parametrize("outcome", [RevocationOutcome.PENDING, RevocationOutcome.UNSUPPORTED])
def test_surplus_stays_flagged_until_it_is_revoked(ca, order, outcome):
    ca.script.append(issued(Issuance(subject=_name("Eve"))))
    order = ask_and_record(order)
    ca.outcome = outcome
    assert issuing.revoke_surplus(order.pk) == 0
    assert list(CaOrder.objects.with_surplus(_in(hours=2))) == [order]
    surplus = order.surplus.get()
    assert surplus.revoked_at is None
    assert surplus.is_for_manual_revocation(timezone.now()) == (outcome is RevocationOutcome.UNSUPPORTED)
    assert surplus.tried_at is not None


def test_surplus_that_the_ca_cannot_be_told_of_is_left_to_hands_and_looked_at_now_and_then(ca, order):
    ca.script.append(issued(Issuance(subject=_name("Eve"))))
    order = ask_and_record(order)
    ca.outcome = RevocationOutcome.UNSUPPORTED
    for _ in range(3):
        assert issuing.revoke_surplus(order.pk) == 0
    assert len(ca.revoked) == 1
    assert not CaOrder.objects.with_surplus(timezone.now()).exists()
    assert SurplusCertificate.objects.for_manual_revocation(timezone.now()).get() == order.surplus.get()
    ca.outcome = RevocationOutcome.ALREADY_REVOKED
    with time_machine.travel(_in(hours=2)):
        assert issuing.revoke_surplus(order.pk) == 1
    assert not SurplusCertificate.objects.for_manual_revocation(timezone.now()).exists()


@pytest.mark.parametrize("is_old", [False, True], ids=["flagged now", "flagged by an earlier version"])
def test_surplus_that_has_ended_is_not_tried_any_more(ca, order, is_old):
    ca.script.append(issued(Issuance(subject=_name("Eve"))))
    order = ask_and_record(order)
    ca.outcome = RevocationOutcome.UNSUPPORTED
    if is_old:
        order.surplus.update(not_after=None)
    assert issuing.revoke_surplus(order.pk) == 0
    for days in (400, 800):
        with time_machine.travel(_in(days=days)):
            assert not CaOrder.objects.with_surplus(timezone.now()).exists()
            assert issuing.revoke_surplus(order.pk) == 0
    assert len(ca.revoked) == 1


def test_surplus_that_the_ca_refuses_to_revoke_for_good_is_left_to_hands_with_its_words(ca, order):
    ca.script += [issued(Issuance(subject=_name("Eve"))), issued(Issuance(subject=_name("Mallory")))]
    order = ask_and_record(order)
    issuing.record(order.pk, ca.issue(order.request), late=True)
    ca.outcome = CaError.not_issued_here("no such serial number")
    for _ in range(3):
        assert issuing.revoke_surplus(order.pk) == 0
    assert len(ca.revoked) == 2
    left = SurplusCertificate.objects.for_manual_revocation(timezone.now())
    assert {each.trouble for each in left} == {
        "This CA has not issued this certificate. no such serial number"
    }
    assert left.count() == 2
    since = [each.by_hand_since for each in left]
    with time_machine.travel(_in(hours=2)):
        assert issuing.revoke_surplus(order.pk) == 0
    assert [each.by_hand_since for each in left.all()] == since, "however often it is looked at"
    ca.outcome = RevocationOutcome.REVOKED
    with time_machine.travel(_in(hours=4)):
        assert issuing.revoke_surplus(order.pk) == 2
    assert not SurplusCertificate.objects.for_manual_revocation(timezone.now()).exists()
    assert {each.trouble for each in order.surplus.all()} == {""}, "nothing is wrong any more"


def test_a_passing_fault_leaves_surplus_to_the_next_time(ca, order):
    ca.script.append(issued(Issuance(subject=_name("Eve"))))
    order = ask_and_record(order)
    ca.outcome = CaError("The CA is away.")
    with pytest.raises(CaError):
        issuing.revoke_surplus(order.pk)
    assert list(CaOrder.objects.with_surplus(timezone.now())) == [order]
    assert not SurplusCertificate.objects.for_manual_revocation(timezone.now()).exists()


def test_what_is_kept_no_longer_is_not_tried_again(ca, order):
    ca.script.append(issued(Issuance(subject=_name("Eve"))))
    order = ask_and_record(order)
    issuing.forget(order.pk)
    assert not CaOrder.objects.with_surplus(timezone.now()).exists()
    assert issuing.revoke_surplus(order.pk) == 0


@connected("ForgettingConnector", UNKNOWN="ask-again")
def test_what_is_forgotten_says_nothing_of_anybody(ca, order):
    ca.script += [answers(Unknown("Uma Unger?")), issued(), issued(Issuance(subject=_name("Eve")))]
    ask_and_record(order)
    order = ask_and_record(order)
    issuing.record(order.pk, ca.issue(order.request), late=True)
    ca.outcome = CaError("Uma Unger is not here.")
    with pytest.raises(CaError):
        issuing.revoke_surplus(order.pk)
    used, surplus = order.certificate, order.surplus.get()

    issuing.forget(order.pk)
    assert ca.forgotten == [used, surplus.certificate], "also at the CA"
    surplus.refresh_from_db()
    assert (surplus.certificate, surplus.reason, surplus.trouble) == (b"", "", "")
    assert [attempt.detail for attempt in order.attempts.all()] == ["", ""]
    serial = order.serial_hex
    order.refresh_from_db()
    assert (order.csr, order.certificate, order.content, order.error, order.detail) == (b"", b"", {}, "", "")
    assert order.serial_hex == serial, "by which it stays known"
    assert order.compare_at is None, "there is nothing left to compare"


def test_what_another_order_uses_is_not_revoked(ca, prepared):
    """A CA, or something before it, mixed two answers up."""
    right, wrong = prepared(ca=ca.alias), prepared(ca=ca.alias)
    ca.script += [issued(), lambda _order: Issued(CaOrder.objects.get(pk=right.pk).certificate, ())]
    ask_and_record(right)
    assert ask_and_record(wrong).state == State.REFUSED
    assert wrong.surplus.count() == 1
    assert issuing.revoke_surplus(wrong.pk) == 0
    assert ca.revoked == []


def _below(ca: scripted.SmallCa, *above: scripted.SmallCa) -> tuple[Issuance, tuple[bytes, ...]]:
    return Issuance(ca=ca), tuple(each.der for each in (ca, *above))


def _eves() -> Any:
    """Named as the CA is, and its root as the root."""
    return _below(scripted.make_ca("Scripted issuing CA", issuer=scripted.make_ca("Scripted root")))


def _persons() -> Any:
    """Issued by a certificate that is no CA's."""
    person = scripted.make_ca("Person", issuer=scripted.issuing_ca(), may_sign=False)
    return _below(person, scripted.issuing_ca())


def _signers() -> Any:
    """Issued by a CA whose key may sign, but no certificates (RFC 5280 6.1.4 n)."""
    return _below(
        scripted.make_ca("Signer", issuer=scripted.issuing_ca(), key_usage=("digitalSignature",)),
        scripted.issuing_ca(),
    )


def _ended() -> Any:
    return _below(scripted.make_ca("Old CA", issuer=scripted.root_ca(), days=-1))


def _too_deep() -> Any:
    upper = scripted.make_ca("Upper CA", issuer=scripted.root_ca(), path_length=0)
    return _below(scripted.make_ca("Lower CA", issuer=upper), upper)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (_eves, "its chain does not end at this CA"),
        (_persons, "it does not lead to CN=Person"),
        (_signers, "it does not lead to CN=Signer"),
        (_ended, "its issuer CN=Old CA is not valid now"),
        (_too_deep, "CN=Upper CA allows no CA below it"),
    ],
)
def test_a_broken_chain_is_refused_and_revoked(ca, order, broken, complaint):
    how, chain = broken()
    ca.script.append(issued(how, chain=chain))
    refused_and_revoked(ca, ask_and_record(order), complaint)


def test_a_ca_that_sends_no_chain(ca, order):
    ca.script.append(issued(chain=()))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (scripted.issuing_ca().der,))


def test_what_lacks_of_the_chain_is_added(ca, order, monkeypatch):
    """A CA that sends the issuer alone has more above it; the root is not to be among them."""
    policy_ca = scripted.make_ca("Policy CA", issuer=scripted.root_ca())
    lower = scripted.make_ca("Lower CA", issuer=policy_ca)
    trusted = tuple(each.der for each in (lower, policy_ca, scripted.root_ca()))
    monkeypatch.setattr(ca, "chain", lambda: trusted)
    ca.script.append(issued(Issuance(ca=lower), chain=(lower.der,)))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (lower.der, policy_ca.der))


def test_without_a_chain_the_issuer_with_the_key_that_signed_is_taken(ca, order, monkeypatch):
    """A CA that has a new key has its name twice among those that are trusted."""
    new = scripted.make_ca("Scripted issuing CA", issuer=scripted.root_ca())
    trusted = tuple(each.der for each in (new, scripted.issuing_ca(), scripted.root_ca()))
    monkeypatch.setattr(ca, "chain", lambda: trusted)
    ca.script.append(issued(chain=()))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (scripted.issuing_ca().der,))


@pytest.mark.parametrize("turned", [False, True])
def test_of_the_issuers_that_came_only_those_of_the_certificate_are_kept(ca, order, monkeypatch, turned):
    """Before a CA changes its key, chain_file has both, and so has the answer where the CA sends none."""
    new = scripted.make_ca("Scripted issuing CA", issuer=scripted.root_ca())
    both = (new.der, scripted.issuing_ca().der)
    monkeypatch.setattr(ca, "chain", lambda: (*both, scripted.root_ca().der))
    ca.script.append(issued(chain=both[::-1] if turned else both))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (scripted.issuing_ca().der,))


def test_what_another_root_has_certified_may_come_along(ca, order, monkeypatch):
    """For clients that know the older root alone; the chain_file has the CA's own root, where it ends."""
    own = scripted.make_ca("Own root")
    crossed = scripted.make_ca("Own root", issuer=scripted.make_ca("Old root"), key=own.key)
    lower = scripted.make_ca("Lower CA", issuer=own)
    monkeypatch.setattr(ca, "chain", lambda: (lower.der, own.der))
    ca.script.append(issued(Issuance(ca=lower), chain=(lower.der, crossed.der)))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (lower.der,))


def test_what_a_ca_has_certified_of_its_roots_new_key_is_kept_for_clients_that_know_the_old_one(
    ca, order, monkeypatch
):
    old, new = scripted.root_ca(), scripted.make_ca("Scripted root")
    rollover = scripted.make_ca("Scripted root", issuer=old, key=new.key)
    lower = scripted.make_ca("Lower CA", issuer=new)
    monkeypatch.setattr(ca, "chain", lambda: (lower.der, new.der, old.der))
    ca.script.append(issued(Issuance(ca=lower), chain=(lower.der, rollover.der, new.der)))
    order = ask_and_record(order)
    assert (order.state, order.chain) == (State.ISSUED, (lower.der, rollover.der))


@pytest.mark.parametrize("trusted", [scripted.issuing_ca, scripted.root_ca])
def test_a_chain_ends_at_what_is_trusted_or_just_below_it(ca, order, monkeypatch, trusted):
    monkeypatch.setattr(ca, "chain", lambda: (trusted().der,))
    ca.script.append(issued())
    assert ask_and_record(order).state == State.ISSUED


def test_a_chain_that_is_longer_than_any(ca, order):
    ca.script.append(issued(chain=(scripted.issuing_ca().der,) * 11))
    refused_and_revoked(ca, ask_and_record(order), "a chain of 11 certificates came with it")


def test_a_chain_of_garbage(ca, order):
    ca.script.append(issued(chain=(b"garbage",)))
    assert ask_and_record(order).state == State.REFUSED


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\n", b"0\x03\x02\x01\x05"])
def test_garbage_is_refused_and_there_is_nothing_to_revoke(ca, order, garbage):
    ca.script.append(answers(Issued(garbage, (scripted.issuing_ca().der,))))
    order = ask_and_record(order)
    assert order.state == State.REFUSED
    assert not order.surplus.exists()


def test_a_certificate_with_an_extension_of_garbage_is_refused(ca, order):
    """Its names can be read, and what it says of them cannot."""
    garbage = x509.UnrecognizedExtension(x509.ObjectIdentifier(SAN), b"garbage")
    ca.script.append(issued(Issuance(drop=(SAN,), add=((garbage, False),))))
    order = ask_and_record(order)
    assert (order.state, order.detail.partition(":")[0]) == (State.REFUSED, "malformed")


def test_a_serial_number_is_given_once(ca, prepared):
    ca.script += [issued(Issuance(serial=4711)), issued(Issuance(serial=4711))]
    first, second = prepared(ca=ca.alias), prepared(ca=ca.alias)
    assert ask_and_record(first).state == State.ISSUED
    second = ask_and_record(second)
    assert second.state == State.REFUSED
    assert "serial number" in second.detail


@asking_again
def test_a_second_certificate_for_one_order_is_surplus(ca, order):
    ca.script += [issued(), issued()]
    first, second = issuing.ask(order.pk), issuing.ask(order.pk)
    assert first != second
    order = issuing.record(order.pk, first)
    order = issuing.record(order.pk, second)
    assert (order.state, order.certificate) == (State.ISSUED, first.certificate)
    assert [each.certificate for each in order.surplus.all()] == [second.certificate]


def test_what_comes_after_the_end_is_surplus(ca, order):
    ca.script.append(issued())
    late = issuing.ask(order.pk)
    issuing.record(order.pk, Refused("Withdrawn.", ""))
    order = issuing.record(order.pk, late)
    assert order.state == State.REFUSED
    assert order.surplus.get().certificate == late.certificate


def test_late_answers_change_nothing(ca, order):
    ca.script.append(issued())
    order = ask_and_record(order)
    same = Issued(order.certificate, order.chain)
    for late in (Refused("no", ""), Unknown("?"), Pending("1", timezone.now()), same):
        assert issuing.record(order.pk, late).state == State.ISSUED
    assert not order.surplus.exists()


def test_whatever_breaks_at_a_revocation_passes(ca, order, monkeypatch):
    """It is asked again; the row says meanwhile what broke."""

    def broken(*_arguments):
        raise KeyError("serial")

    for name in ("revoke", "release"):
        monkeypatch.setattr(ca, name, broken, raising=False)
    certificate = scripted.sign(order.request)
    revoke = partial(issuing.revoke, reason=RevocationReason.KEY_COMPROMISE)
    for call in (revoke, issuing.hold, issuing.release):
        with pytest.raises(CaError) as fault:
            call(ca=ca.alias, certificate=certificate)
        assert (fault.value.permanent, fault.value.detail) == (False, "KeyError: 'serial'")


# --- several new orders at once


@pytest.fixture
def drawn(ca: Any, content: Any, validity: Any) -> Callable[..., issuing.DraftOrder]:
    """Draw up an order; each call another key and another idempotency key, unless it is given."""

    def draw(idempotency_key: str = "") -> issuing.DraftOrder:
        return issuing.draft(
            ca=ca.alias,
            idempotency_key=idempotency_key or str(uuid4()),
            content=content,
            ca_profile="person",
            key=keys.generate(KeyAlgorithm.EC_P256),
            validity=validity,
        )

    return draw


def journalled(*drawn: issuing.DraftOrder) -> list[Any]:
    with transaction.atomic():
        return issuing.journal_orders(drawn)


def examined(begun: Sequence[issuing.Begun], found: Sequence[Any]) -> list[Any]:
    return [(each, issuing.examine(each.order, answer)) for each, answer in zip(begun, found, strict=True)]


@searchable
def test_new_orders_are_journalled_as_asked_and_recorded_without_being_read(ca, drawn):
    begun = journalled(drawn(), drawn())
    ca.script += [issued(), issued()]
    with CaptureQueriesContext(connection) as statements:
        issuing.record_issued(examined(begun, [issuing.ask(each) for each in begun]))
    written = [each["sql"] for each in statements if "ca_bridge_ca" in each["sql"]]
    assert [sql.removeprefix("2 times: ").split()[0] for sql in written] == ["UPDATE", "UPDATE"]
    for each in begun:
        found = CaOrder.objects.get(pk=each.order.pk)
        assert (found.state, found.version, outcomes(found)) == (State.ISSUED, 1, ["issued"])
        assert found.certificate == each.order.certificate


@searchable
def test_what_was_journalled_as_asked_is_looked_for_after_a_crash(ca, drawn):
    (begun,) = journalled(drawn())
    ca.script += [answers(None), issued()]
    assert isinstance(issuing.ask(begun.order.pk), Issued)
    assert ca.calls == ["find", "issue"], "it was looked for first"


def test_what_nobody_could_search_is_asked_in_a_transaction_of_its_own(ca, drawn):
    """So that an order is never parked that was surely not asked for."""
    (order,) = journalled(drawn())
    assert (order.state, outcomes(order)) == (State.PREPARED, [])
    ca.script += [issued()]
    assert isinstance(issuing.ask(order.pk), Issued)


@searchable
@pytest.mark.parametrize("number", [1, 2])
def test_what_somebody_has_settled_since_is_not_recorded_together(ca, drawn, number):
    begun = journalled(*(drawn() for _each in range(number)))
    ca.script += [issued() for _each in begun]
    came = examined(begun, [issuing.ask(each) for each in begun])
    issuing.record(begun[-1].order.pk, Refused("No.", ""))
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        issuing.record_issued(came)
    assert not CaOrder.objects.filter(state=State.ISSUED).exists()


@pytest.mark.parametrize("what", ["idempotency key", "public key"])
def test_what_is_known_already_is_not_journalled_together(ca, drawn, what):
    first = drawn("a")
    issuing.journal_order(first)
    again = drawn("a" if what == "idempotency key" else "b")
    if what == "public key":
        again = replace(again, public_key_sha256=first.public_key_sha256)
    with pytest.raises(IntegrityError), transaction.atomic():
        issuing.journal_orders([drawn(), again])
    assert CaOrder.objects.count() == 1


# --- several orders with one call


@together
def test_several_new_orders_are_one_call_and_each_gets_its_certificate(ca, drawn):
    begun = journalled(drawn(), drawn())
    ca.script += [issued()]
    came = issuing.ask_together(begun)
    assert ca.calls == ["issue 2"]
    issuing.record_issued(examined(begun, [came[each.order.pk] for each in begun]))
    assert [outcomes(each.order) for each in begun] == [["issued"], ["issued"]]


@together
def test_a_single_order_is_left_to_ask(ca, drawn):
    assert issuing.ask_together(journalled(drawn())) == {}
    assert issuing.ask_together([]) == {}
    assert ca.calls == []


@searchable
def test_a_ca_that_issues_one_at_a_time_is_left_to_ask(ca, drawn):
    assert issuing.ask_together(journalled(drawn(), drawn())) == {}
    assert ca.calls == []


@together
@pytest.mark.parametrize(
    "step",
    [fails(DOWN), fails(LOST), fails(InDoubtError("?")), answers(None), answers(Refused("No.", ""))],
    ids=["down", "lost", "in doubt", "too few", "refused"],
)
def test_where_not_all_are_issued_with_one_call_each_is_asked_for_alone(ca, drawn, step):
    """What the call may have issued is found under the idempotency key: no order is in doubt for it."""
    begun = journalled(drawn(), drawn())
    ca.script += [step]
    assert issuing.ask_together(begun) == {}
    ca.script.clear()
    ca.script += [issued(), issued()]
    issuing.record_issued(examined(begun, [issuing.ask(each) for each in begun]))
    assert ca.calls == ["issue 2", "issue", "issue"]
    assert [outcomes(each.order) for each in begun] == [["issued"], ["issued"]]


@together
def test_a_time_limit_ends_the_call_for_all(ca, drawn, monkeypatch):
    class TimeLimitError(Exception):
        pass

    monkeypatch.setattr(exception_boundary, "INTERRUPTIONS", [TimeLimitError])
    ca.script += [fails(TimeLimitError())]
    with pytest.raises(TimeLimitError):
        issuing.ask_together(journalled(drawn(), drawn()))


@together
def test_a_connection_whose_settings_are_wrong_is_left_to_ask(ca, drawn, settings):
    begun = journalled(drawn(), drawn())
    settings.CA_CONNECTORS = {ca.alias: {"CONNECTOR": "tests.ca_bridge.scripted.Nothing"}}
    assert issuing.ask_together(begun) == {}
