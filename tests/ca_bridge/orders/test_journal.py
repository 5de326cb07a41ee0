"""The journal: states, versions, and what the database refuses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition, TransitionNotAllowed

from ca_bridge.contract import Issued, KeyAlgorithm, Pending, Refused, Unknown
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.models import CaAttempt, CaOrder, content_as_json
from ca_bridge.orders import journal
from ca_bridge.x509.certificates import CertificateFacts

pytestmark = [pytest.mark.django_db, pytest.mark.database]

State = CaOrder.State
NOW = timezone.now()
FACTS = CertificateFacts(7, "07", "CN=CA", "CN=Jane", NOW, NOW, "00", b"", ())
VERBS = {
    "mark_asked": (),
    "mark_issued": (Issued(b"certificate", (b"issuer",)), FACTS),
    "mark_pending": (Pending("handle", NOW),),
    "mark_refused": (Refused("no", "detail"),),
    "mark_unknown": (Unknown("detail"),),
}
OPEN = {State.ASKED, State.PENDING, State.UNKNOWN}
ALLOWED = {
    "mark_asked": {State.PREPARED, *OPEN},
    "mark_issued": OPEN,
    "mark_pending": OPEN,
    "mark_refused": {State.PREPARED, *OPEN},
    "mark_unknown": OPEN,
}


def order_in(state: str, **fields: Any) -> CaOrder:
    """Write a row in this state, as only a test may."""
    key = keys.generate(KeyAlgorithm.EC_P256)
    defaults: dict[str, Any] = {
        "idempotency_key": keys.public_key_sha256(key).hex(),
        "ca": "corporate",
        "csr": b"csr",
        "content": {},
        "public_key_sha256": keys.public_key_sha256(key),
        "not_before": NOW,
        "not_after": NOW + timedelta(days=1),
    }
    if state == State.ISSUED:
        defaults |= {"serial_hex": defaults["idempotency_key"][:30], "issuer": "CN=CA"}
    order = CaOrder(**(defaults | fields), state=state)
    order.save(force_insert=True)
    return CaOrder.objects.get(pk=order.pk)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", State.values)
def test_every_state_and_every_transition(state, verb):
    order = order_in(state)
    if state in ALLOWED[verb]:
        getattr(order, verb)(*VERBS[verb])
        order.save()
        assert CaOrder.objects.get(pk=order.pk).state == verb.removeprefix("mark_")
        assert CaOrder.objects.get(pk=order.pk).version == 1
    else:
        before = CaOrder.objects.filter(pk=order.pk).values().get()
        with pytest.raises(TransitionNotAllowed):
            getattr(order, verb)(*VERBS[verb])
        assert CaOrder.objects.filter(pk=order.pk).values().get() == before


def test_the_state_cannot_be_assigned():
    with pytest.raises(AttributeError):
        order_in(State.PREPARED).state = State.ISSUED


def test_a_stale_copy_is_not_saved_even_where_the_state_has_come_back():
    """pending, asked, pending again: the state alone would not tell (A-B-A)."""
    order = order_in(State.PENDING)
    stale = CaOrder.objects.get(pk=order.pk)
    order.mark_asked()
    order.save()
    order.mark_pending(Pending("second", NOW))
    order.save()

    stale.mark_refused(Refused("no", ""))
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        stale.save()
    assert stale.version == 0
    assert CaOrder.objects.get(pk=order.pk).handle == "second"


def test_content_survives_the_journal(content):
    for each in (content, replace(content, sid=None, policies=(), subject_alt_names=())):
        order = order_in(State.PREPARED, content=content_as_json(each))
        assert order.certificate_content == each
        assert order.request.content == each


def test_binary_columns_are_read_as_bytes():
    order = order_in(State.PREPARED)
    assert type(order.csr) is type(order.public_key_sha256) is type(order.certificate) is bytes


def test_there_is_no_such_order():
    with pytest.raises(CaError) as caught:
        journal.get(CaOrder().pk)
    assert caught.value.permanent


# --- what must never be true


def _insert(**fields: Any) -> None:
    with transaction.atomic():
        order_in(fields.pop("state", State.PREPARED), **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "nonsense"},
        {"state": State.ISSUED, "serial_hex": "", "issuer": ""},
        {"state": State.ISSUED, "issuer": ""},
    ],
)
def test_states_that_the_database_refuses(fields):
    with pytest.raises(IntegrityError):
        _insert(**fields)


@pytest.mark.parametrize(
    "twice",
    [
        {"idempotency_key": "1"},
        {"public_key_sha256": b"1" * 32},
        {"serial_hex": "07", "issuer": "CN=CA"},
    ],
)
def test_what_the_database_holds_once(twice):
    _insert(**twice)
    with pytest.raises(IntegrityError):
        _insert(**twice)


def test_two_cas_may_give_the_same_serial_number():
    _insert(serial_hex="07", issuer="CN=A")
    _insert(serial_hex="07", issuer="CN=B")


@pytest.mark.parametrize(
    "fields", [{"answered_at": NOW}, {"outcome": "issued"}, {"answered_at": NOW, "outcome": "nonsense"}]
)
def test_attempts_that_the_database_refuses(fields):
    order = order_in(State.ASKED)
    with pytest.raises(IntegrityError), transaction.atomic():
        CaAttempt.objects.create(order=order, **fields)


def test_a_surplus_certificate_is_flagged_once():
    order = order_in(State.REFUSED)
    for _twice in range(2):
        journal.flag_surplus(
            order, b"certificate", fingerprint="ab" * 32, not_after=timezone.now(), reason="wrong"
        )
    assert order.surplus.count() == 1
