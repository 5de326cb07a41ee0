"""The journal is compared with the CA, as long as a late certificate may turn up."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import Issued, Pending, Refused
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.orders import reconciliation
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import answers, fails, issued

State, Comparison = CaOrder.State, CaOrder.Comparison
pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
LOST = TimeoutError("no answer within 30 s")
CHAIN = (scripted.issuing_ca().der,)


@pytest.fixture(params=["ListingConnector"])
def ca(request: pytest.FixtureRequest, settings: Any) -> Any:
    alias = str(uuid4())
    settings.CA_CONNECTORS = {
        alias: {"CONNECTOR": f"tests.ca_bridge.scripted.{request.param}", "UNKNOWN": "ask-again"}
    }
    connector: Any = registry.connector(alias)
    connector.alias = alias
    return connector


@pytest.fixture
def order(ca: Any, prepared: Any) -> CaOrder:
    """Asked without an answer, then again, because the search found nothing yet; the second is in use."""
    order = prepared(ca=ca.alias)
    unsearchable = not hasattr(ca, "find")
    ca.script += [fails(LOST), *([] if unsearchable else [answers(None)]), issued()]
    for _attempt in range(2):
        order = issuing.record(order.pk, issuing.ask(order.pk))
    assert order.state == State.ISSUED
    return order


def in_time(**after: int) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**after), tick=False)


def test_what_was_never_in_doubt_is_not_compared(ca, prepared):
    order = prepared(ca=ca.alias)
    ca.script.append(issued())
    issuing.record(order.pk, issuing.ask(order.pk))
    with in_time(days=30):
        assert reconciliation.due(limit=9) == []


def test_what_the_ca_issued_beside_what_is_used_is_flagged_and_revoked(ca, order):
    late = scripted.sign(order.request)
    ca.script += [answers([order.certificate, late])]
    assert reconciliation.due(limit=9) == [], "the CA is given some time"
    with in_time(minutes=10):
        assert reconciliation.due(limit=9) == [order.pk]
        assert reconciliation.compare(order.pk) == Comparison.SURPLUS

    surplus = order.surplus.get()
    assert (surplus.certificate, surplus.reason) == (late, reconciliation.FOUND_LATER)
    assert issuing.revoke_surplus(order.pk) == 1
    assert [certificate for certificate, _reason in ca.revoked] == [late]


def test_it_is_compared_for_a_week_and_then_left_alone(ca, order):
    ca.script += [answers([order.certificate])] * 4
    now = timezone.now()
    seen = []
    for hours in (1, 2, 26, 26 + 7 * 24, 1000):
        with time_machine.travel(now + timedelta(hours=hours), tick=False):
            seen += [reconciliation.compare(each) for each in reconciliation.due(limit=9)]
    assert seen == [Comparison.AGREES] * 4
    order.refresh_from_db()
    assert (order.compare_at, order.comparisons) == (None, 4)


def test_a_certificate_that_the_ca_does_not_know_is_told(ca, order):
    ca.script += [answers([])]
    assert reconciliation.compare(order.pk) == Comparison.MISSING


def test_what_is_not_for_the_key_of_the_order_is_left_alone(ca, order, prepared):
    another = scripted.sign(prepared(ca=ca.alias).request)
    ca.script += [answers([order.certificate, another, b"garbage"])]
    assert reconciliation.compare(order.pk) == Comparison.AGREES
    assert not order.surplus.exists()


@pytest.mark.parametrize("ca", ["NumberedConnector"], indirect=True)
def test_what_was_issued_under_its_number_is_its_own_whatever_the_key(ca, order, prepared):
    another = scripted.sign(prepared(ca=ca.alias).request)
    ca.script += [answers([order.certificate, another, b"garbage"])]
    assert reconciliation.compare(order.pk) == Comparison.SURPLUS
    assert [each.certificate for each in order.surplus.all()] == [another]


@pytest.mark.parametrize("ca", ["SearchableConnector"], indirect=True)
def test_a_ca_that_names_one_certificate_only_is_compared_with_that(ca, order):
    late = scripted.sign(order.request)
    ca.script += [answers(Issued(late, CHAIN)), answers(None)]
    assert reconciliation.compare(order.pk) == Comparison.SURPLUS
    assert reconciliation.compare(order.pk) == Comparison.MISSING


@pytest.mark.parametrize("ca", ["ScriptedConnector"], indirect=True)
def test_a_ca_that_cannot_be_searched_is_not_compared(ca, order):
    assert reconciliation.compare(order.pk) is None
    order.refresh_from_db()
    assert order.compare_at is None


def test_a_ca_that_is_missing_from_the_settings_is_compared_when_it_is_back(ca, order, settings):
    connections, settings.CA_CONNECTORS = settings.CA_CONNECTORS, {}
    with in_time(minutes=10):
        assert reconciliation.compare(order.pk) is None
        assert reconciliation.due(limit=9) == []
    settings.CA_CONNECTORS = connections
    ca.script += [answers([order.certificate])]
    with in_time(minutes=20):
        assert [reconciliation.compare(each) for each in reconciliation.due(limit=9)] == [Comparison.AGREES]


@pytest.mark.parametrize("trouble", [CaError("Down."), LOST])
def test_a_ca_that_is_down_is_compared_later(ca, order, trouble):
    ca.script += [fails(trouble)]
    with in_time(minutes=10):
        with pytest.raises(CaError):
            reconciliation.compare(order.pk)
        assert reconciliation.due(limit=9) == []
    with in_time(minutes=20):
        assert reconciliation.due(limit=9) == [order.pk]


def test_what_is_open_is_left_to_whoever_asks_for_it(ca, prepared):
    order = prepared(ca=ca.alias)
    ca.script += [fails(LOST), fails(CaError("Down."))]
    issuing.record(order.pk, issuing.ask(order.pk))
    CaOrder.objects.filter(pk=order.pk).update(compare_at=timezone.now())
    assert reconciliation.compare(order.pk) is None
    assert "find all" not in ca.calls


def test_what_was_given_up_and_turns_up_later_is_revoked(ca, prepared):
    order = prepared(ca=ca.alias)
    ca.script += [fails(LOST), fails(CaError("Forbidden.", permanent=True)), fails(LOST)]
    issuing.record(order.pk, issuing.ask(order.pk))
    issuing.record(order.pk, issuing.ask(order.pk))
    issuing.give_up(order.pk)
    ca.script += [answers([]), answers([scripted.sign(order.request)])]
    with in_time(minutes=10):
        assert reconciliation.due(limit=9) == [order.pk]
        assert reconciliation.compare(order.pk) == Comparison.AGREES, "nobody misses what nobody uses"
        assert reconciliation.compare(order.pk) == Comparison.SURPLUS
    assert issuing.revoke_surplus(order.pk) == 1


def test_a_connection_that_is_configured_wrongly_keeps_no_other_from_it(ca, order, settings):
    settings.CA_CONNECTORS = {ca.alias: {"CONNECTOR": "nowhere.Connector"}}
    with in_time(minutes=10):
        with pytest.raises(CaError, match="configured wrongly"):
            reconciliation.compare(order.pk)
        assert reconciliation.due(limit=9) == []
    with in_time(hours=2):
        assert reconciliation.due(limit=9) == [order.pk]


def test_what_the_ca_refused_and_issues_all_the_same_is_revoked(ca, prepared):
    """Nobody asked it anything more: the order is settled, and compared for a week all the same."""
    order = prepared(ca=ca.alias)
    ca.script.append(answers(Refused("Not for you.", "policy 12")))
    order = issuing.record(order.pk, issuing.ask(order.pk))
    assert (order.state, reconciliation.due(limit=9)) == (State.REFUSED, [])
    late, told = scripted.sign(order.request), list[tuple[Any, bytes]]()

    def record(found: CaOrder, certificate: bytes) -> None:
        told.append((found.pk, certificate))

    ca.script += [answers([]), answers([late]), answers([late])]
    with in_time(minutes=10):
        assert reconciliation.due(limit=9) == [order.pk]
        assert reconciliation.compare(order.pk, record=record) == Comparison.AGREES
        for _once_more in range(2):
            assert reconciliation.compare(order.pk, record=record) == Comparison.SURPLUS
    assert told == [(order.pk, late)], "told once"
    order.refresh_from_db()
    assert (order.state, order.certificate) == (State.REFUSED, b""), "it is not used"
    assert issuing.revoke_surplus(order.pk) == 1
    assert [certificate for certificate, _reason in ca.revoked] == [late]


def test_what_was_put_off_then_refused_and_issued_is_revoked(ca, prepared):
    order = prepared(ca=ca.alias)
    ca.script += [answers(Pending("7", timezone.now())), answers(Refused("Rejected by the RA.", ""))]
    for _attempt in range(2):
        order = issuing.record(order.pk, issuing.ask(order.pk))
    ca.script.append(answers([scripted.sign(order.request)]))
    assert order.state == State.REFUSED
    assert reconciliation.compare(order.pk) == Comparison.SURPLUS


def test_what_the_ca_was_never_asked_for_is_not_compared(ca, prepared):
    issuing.withdraw(prepared(ca=ca.alias).pk)
    with in_time(days=30):
        assert reconciliation.due(limit=9) == []


@pytest.mark.parametrize("ca", ["ScriptedConnector"], indirect=True)
def test_a_refusal_by_a_ca_that_cannot_be_searched_is_let_go(ca, prepared):
    order = prepared(ca=ca.alias)
    ca.script.append(answers(Refused("Not for you.", "")))
    issuing.record(order.pk, issuing.ask(order.pk))
    assert reconciliation.compare(order.pk) is None
    with in_time(days=30):
        assert reconciliation.due(limit=9) == []
