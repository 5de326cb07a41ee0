"""The door: prepare, ask, record, with the embedded CA behind it."""

import pytest
from ca_bridge import issuing, lint
from ca_bridge.contract import Issued
from ca_bridge.models import CaOrder


def test_three_calls_give_a_certificate(embedded_ca, prepared):
    order = prepared()
    assert order.state == CaOrder.State.PREPARED

    answer = issuing.ask(order.pk)
    assert isinstance(answer, Issued)
    order = issuing.record(order.pk, answer)

    assert (order.state, order.error, order.detail) == (CaOrder.State.ISSUED, "", "")
    facts = issuing.describe(order.certificate)
    print(facts, lint.findings(order.certificate))
    assert order.serial == facts.serial
    assert issuing.ask(order.pk) == answer
