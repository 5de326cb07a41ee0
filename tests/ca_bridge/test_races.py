"""Several at once, with real threads and a database that commits: one effect, nothing lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from django.db import connection, transaction

from ca_bridge import issuing
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.contract import CertificateOrder, Issued, Refused, RevocationOutcome, RevocationReason
from ca_bridge.models import CaOrder
from ca_bridge.x509 import csr as certification_request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
THREADS = 8


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Call work in THREADS threads that start together; return results and exceptions."""
    barrier = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's result
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def ca(configured_ca: Any) -> Any:
    """The key is opened before, so that the threads meet in the database and not before it."""
    configured_ca.chain()
    return configured_ca


@pytest.fixture
def order(content, validity, key) -> CertificateOrder:
    csr = certification_request.build(content, key)
    return CertificateOrder("one", csr, content, "", validity.not_before, validity.not_after)


def test_one_order_asked_by_many_gets_one_certificate(ca, order):
    answers = at_once(lambda _number: ca.issue(order))
    assert all(isinstance(answer, Issued) for answer in answers), answers
    assert len({answer.certificate for answer in answers}) == 1
    assert IssuedCertificate.objects.count() == 1


def test_one_key_under_many_ids_gets_one_certificate(ca, order):
    answers = at_once(lambda number: ca.issue(replace(order, idempotency_key=str(number))))
    assert sum(isinstance(answer, Issued) for answer in answers) == 1
    assert sum(isinstance(answer, Refused) for answer in answers) == THREADS - 1
    assert IssuedCertificate.objects.count() == 1


def test_many_who_prepare_one_order_get_the_same(ca, prepared, key):
    def prepare(_number: int) -> CaOrder:
        with transaction.atomic():
            return prepared(idempotency_key="one", key=key)

    orders = at_once(prepare)
    assert {getattr(order, "pk", order) for order in orders} == {CaOrder.objects.get().pk}


def test_many_who_ask_and_record_one_order(ca, prepared):
    order_id = prepared().pk

    def ask_and_record(_number: int) -> Any:
        answer = issuing.ask(order_id)
        with transaction.atomic():
            return issuing.record(order_id, answer).state

    assert at_once(ask_and_record) == [CaOrder.State.ISSUED] * THREADS
    order = CaOrder.objects.get()
    assert (order.state, order.surplus.count()) == (CaOrder.State.ISSUED, 0)
    assert IssuedCertificate.objects.count() == 1


def test_all_who_revoke_at_once_are_on_the_crl(ca, prepared):
    orders = [prepared() for _each in range(THREADS)]
    orders = [issuing.record(order.pk, issuing.ask(order.pk)) for order in orders]
    before = Crl.objects.filter(issuer="issuing").values_list("number", flat=True).first() or 0

    outcomes = at_once(
        lambda number: issuing.revoke(
            ca="corporate", certificate=orders[number].certificate, reason=RevocationReason.SUPERSEDED
        )
    )
    assert outcomes == [RevocationOutcome.REVOKED] * THREADS
    crl = x509.load_der_x509_crl(ca.published("corporate.crl")[1])
    assert {entry.serial_number for entry in crl} == {order.serial for order in orders}
    number = Crl.objects.get(issuer="issuing").number
    assert number >= before + THREADS  # one CRL for each revocation, none twice
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == number


def test_one_revocation_by_many_counts_once(ca, prepared):
    order = prepared()
    order = issuing.record(order.pk, issuing.ask(order.pk))
    reason = RevocationReason.KEY_COMPROMISE
    outcomes = at_once(
        lambda _number: issuing.revoke(ca="corporate", certificate=order.certificate, reason=reason)
    )
    assert sorted(outcomes) == sorted(
        [RevocationOutcome.REVOKED] + [RevocationOutcome.ALREADY_REVOKED] * (THREADS - 1)
    )


def test_the_first_crl_by_many(ca):
    results = at_once(lambda _number: ca.published("corporate.crl"))
    assert all(isinstance(result, tuple) for result in results), results
    assert Crl.objects.filter(issuer="issuing").count() == 1
