"""Webhooks: chosen events reach an endpoint, signed, at least once, also after it was away."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from identity_manager import audit
from identity_manager.audit import sealing
from identity_manager.events import delivering, webhook_kinds, webhooks
from identity_manager.events.webhooks import WebhookInput
from identity_manager.models import (
    AuditEvent,
    PersonState,
    Role,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookFormat,
    WebhookSignature,
)
from identity_manager.models.events.webhook import BREAK_AFTER
from identity_manager.transactions.refusals import Refused
from tests.identity_manager.events.conftest import Logged
from tests.identity_manager.events.webhook_acts import administrators, deliver, made
from tests.tools import cast
from tests.tools.webhook_receiver import Posted, Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def checked(posted: Posted, secret: str) -> dict[str, object]:
    """The message, as the independent library believes it."""
    return dict(Verifier(secret).verify(posted.body, posted.headers))


def test_chosen_events_arrive_signed_and_nothing_else(logged: Logged, receiver: Receiver) -> None:
    logged(2)  # from before
    row, secret = made(receiver.address)
    uma = cast.person("uma", sid="")
    audit.record(audit.Event.SIGNED_IN, actor=uma, subject=None)
    audit.record(audit.Event.REQUEST_REJECTED, actor=uma, subject=None, reason="Jörg", number=7)
    sealing.seal()

    row = deliver(row)

    assert (row.next_attempt_at, row.claim_id, row.failures) == (None, None, 0)
    (posted,) = receiver.posted
    event = AuditEvent.objects.get(name=audit.Event.REQUEST_REJECTED)
    message = checked(posted, secret)
    assert message["type"] == "request.rejected"
    data = message["data"]
    assert isinstance(data, dict)
    assert (data["id"], data["number"], data["actor"]) == (str(event.pk), event.number, str(uma.pk))
    assert data["facts"] == {"number": 7}
    assert "Jörg" not in str(message)
    assert str(uma) not in str(message)
    delivery = row.deliveries.get()
    assert (delivery.state, delivery.status, delivery.attempts) == (WebhookDeliveryState.DELIVERED, 204, 1)
    assert posted.headers["webhook-id"] == delivery.message_id
    deliver(row)
    assert len(receiver.posted) == 1


def test_a_changed_message_is_not_believed(logged: Logged, receiver: Receiver) -> None:
    row, secret = made(receiver.address)
    logged(1)
    deliver(row)
    posted = receiver.posted[0]
    with pytest.raises(WebhookVerificationError):
        checked(Posted(posted.path, posted.headers, posted.body + b" "), secret)
    with pytest.raises(WebhookVerificationError):
        checked(Posted(posted.path, {**posted.headers, "webhook-id": "msg_2"}, posted.body), secret)


def test_persons_only_where_two_officers_agreed(logged: Logged, receiver: Receiver) -> None:
    row, secret = made(receiver.address, with_persons=True)
    uma = cast.person("uma", sid="")
    audit.record(audit.Event.REQUEST_REJECTED, actor=uma, subject=uma, reason="Jörg")
    logged(0)
    deliver(row)
    data = checked(receiver.posted[0], secret)["data"]
    assert isinstance(data, dict)
    assert (data["actor_name"], data["person_name"]) == (str(uma), str(uma))
    assert data["personal_facts"] == {"reason": "Jörg"}


def test_ed25519(logged: Logged, receiver: Receiver) -> None:
    row, public = made(receiver.address, signature=WebhookSignature.V1A)
    assert public == webhooks.public_key(row)
    logged(1)
    deliver(row)
    posted = receiver.posted[0]
    kind, _comma, signature = posted.headers["webhook-signature"].partition(",")
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), signed)
    assert kind == "v1a"


def test_for_a_day_both_keys_sign(logged: Logged, receiver: Receiver) -> None:
    row, old = made(receiver.address)
    one, _other = administrators()
    row, new = webhooks.rotate(actor=one, webhook_id=row.pk)
    assert new != old
    logged(1)
    deliver(row)
    for secret in (old, new):
        checked(receiver.posted[0], secret)
    logged(1)
    deliver(row, at=timedelta(hours=25))
    assert receiver.posted[1].headers["webhook-signature"].count("v1,") == 1
    assert Webhook.objects.get().former_secret_wrapped is not None
    Webhook.objects.update(former_until=timezone.now())
    delivering.forget()
    assert Webhook.objects.get().former_secret_wrapped is None


def test_a_failure_is_tried_again_with_the_same_id_and_a_new_signature(
    logged: Logged, receiver: Receiver
) -> None:
    row, _secret = made(receiver.address)
    logged(1)
    receiver.statuses = [500]
    row = deliver(row)
    delivery = row.deliveries.get()
    assert (delivery.state, delivery.status, delivery.attempts) == (WebhookDeliveryState.WAITING, 500, 1)
    assert row.next_attempt_at == delivery.next_attempt_at
    assert row.last_error == "It answered 500."
    row = deliver(row, at=timedelta(seconds=6))
    first, second = receiver.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert row.deliveries.get().state == WebhookDeliveryState.DELIVERED
    assert (row.failures, row.last_error) == (0, "")


def test_an_endpoint_that_fails_in_a_row_rests_and_loses_nothing(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    receiver.statuses = [500] * (BREAK_AFTER + 1)
    logged(10)
    row = deliver(row)
    assert len(receiver.posted) == BREAK_AFTER
    assert row.rests
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()
    logged(1)
    deliver(row)
    assert len(receiver.posted) == BREAK_AFTER, "new events wake nobody who rests"
    row = deliver(row, at=timedelta(minutes=1))
    assert len(receiver.posted) == BREAK_AFTER + 1, "one probe"
    row = deliver(row, at=timedelta(hours=1))
    assert not row.rests
    assert not row.deliveries.exclude(state=WebhookDeliveryState.DELIVERED).exists()
    assert {each.headers["webhook-id"] for each in receiver.posted} == {
        each.message_id for each in row.deliveries.all()
    }
    assert row.deliveries.count() == 11


def test_retry_after_is_waited_for(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    logged(2)
    receiver.statuses, receiver.headers = [429], {"Retry-After": "90"}
    row = deliver(row)
    assert len(receiver.posted) == 1
    assert row.next_attempt_at is not None
    assert timedelta(seconds=80) < row.next_attempt_at - timezone.now() < timedelta(seconds=91)


def test_after_three_days_a_delivery_is_parked(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    logged(1)
    receiver.statuses = [500]
    deliver(row)
    WebhookDelivery.objects.update(attempts=len(delivering.DELAYS), next_attempt_at=timezone.now())
    receiver.statuses = [302]
    row = deliver(row, at=timedelta(minutes=1))
    delivery = row.deliveries.get()
    assert (delivery.state, delivery.status) == (WebhookDeliveryState.PARKED, 302)
    assert row.next_attempt_at is None
    assert sum(delivering.DELAYS, timedelta()) >= timedelta(hours=75)


def test_gone_stops_the_webhook(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    logged(2)
    receiver.statuses = [410]
    row = deliver(row)
    assert not row.is_in_use
    assert len(receiver.posted) == 1
    assert AuditEvent.objects.get(name=audit.Event.WEBHOOK_GONE).facts == {"endpoint": "Ticketing"}
    deliver(row, at=timedelta(days=1))
    assert len(receiver.posted) == 1


def test_many_go_over_one_connection_which_may_break(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    logged(30)
    deliver(row)
    assert len(receiver.posted) == 30
    assert receiver.connections == 1
    receiver.headers = {"Connection": "close"}
    logged(2)
    row = deliver(row)
    assert len(receiver.posted) == 32
    assert row.failures == 0


def test_nothing_is_told_before_the_second_officer_nor_after_the_stop(
    logged: Logged, receiver: Receiver
) -> None:
    one, other = administrators()
    wanted = WebhookInput(name="T", format=WebhookFormat.STANDARD, address=receiver.address, kinds=["*"])
    row, _secret = webhooks.make(actor=one, wanted=wanted)
    logged(1)
    Webhook.objects.update(next_attempt_at=timezone.now())
    deliver(row)
    with pytest.raises(Refused) as refused:
        webhooks.confirm(actor=one, webhook_id=row.pk)
    assert refused.value.reason is webhooks.OWN_WEBHOOK
    webhooks.confirm(actor=other, webhook_id=row.pk)
    webhooks.stop(actor=other, webhook_id=row.pk)
    logged(1)
    Webhook.objects.update(next_attempt_at=timezone.now())
    deliver(row)
    assert receiver.posted == []
    verbs: tuple[Callable[..., object], ...] = (webhooks.rotate, webhooks.send_test, webhooks.stop)
    for verb in verbs:
        with pytest.raises(Refused):
            verb(actor=one, webhook_id=row.pk)


def test_a_replay_after_the_delivery_was_forgotten_has_the_same_id(
    logged: Logged, receiver: Receiver, settings: Settings
) -> None:
    """By it a receiver drops doubles, whenever they come."""
    row, _secret = made(receiver.address)
    logged(1)
    deliver(row)
    since = timezone.now() - timedelta(hours=1)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert delivering.forget() == 1
        one, _other = administrators()
        assert (
            webhooks.replay(actor=one, webhook_id=row.pk, since=since, until=since + timedelta(hours=2)) == 1
        )
        deliver(row)
    first, again = (each.headers["webhook-id"] for each in receiver.posted)
    assert first == again


def test_a_test_and_a_replay(logged: Logged, receiver: Receiver, settings: Settings) -> None:
    logged(3)
    row, secret = made(receiver.address)
    one, _other = administrators()
    webhooks.send_test(actor=one, webhook_id=row.pk)
    deliver(row)
    assert checked(receiver.posted[0], secret)["type"] == webhook_kinds.TEST
    logged(1)
    deliver(row)
    ids = {receiver.posted[1].headers["webhook-id"]}
    now = timezone.now()
    again = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    assert webhooks.replay(actor=one, webhook_id=row.pk, **again) == 4
    deliver(row)
    assert len(receiver.posted) == 6
    assert ids <= {each.headers["webhook-id"] for each in receiver.posted[2:]}
    numbers = [json.loads(each.body)["data"]["number"] for each in receiver.posted[2:]]
    assert sorted(numbers) == list(
        AuditEvent.objects.filter(name="request.approved").order_by("number").values_list("number", flat=True)
    )
    with pytest.raises(Refused) as refused:
        webhooks.replay(actor=one, webhook_id=row.pk, since=now, until=now)
    assert refused.value.reason is webhooks.BAD_RANGE


def test_too_much_at_once_is_refused(
    logged: Logged, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_REPLAYED", 2)
    row, _secret = made(receiver.address)
    one, _other = administrators()
    logged(3)
    with pytest.raises(Refused) as refused:
        webhooks.replay(
            actor=one, webhook_id=row.pk, since=timezone.now() - timedelta(hours=1), until=timezone.now()
        )
    assert refused.value.reason is webhooks.TOO_MANY


def test_who_outlived_the_lease_stops(
    logged: Logged, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _secret = made(receiver.address)
    logged(2)
    successor, count = uuid4(), delivering._count

    def late(*arguments: Any) -> bool:
        Webhook.objects.update(claim_id=successor)
        return count(*arguments)

    monkeypatch.setattr(delivering, "_count", late)
    row = deliver(row)
    assert len(receiver.posted) == 1
    assert row.claim_id == successor


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", " ", webhooks.NO_NAME),
        *[
            ("address", address, webhooks.BAD_ADDRESS)
            for address in (
                *(
                    "",
                    "http://example.com/",
                    "https://",
                    "https://u:p@example.com/",
                    "https://example.com/#a",
                ),
                *("https://example.com:0/", "https://example.com:x/", "https://exa mple.com/", "ftp://a/"),
                *("https://example.com/ä", "https://example.com/\r\nHost: a", "https://a/" + "x" * 2000),
            )
        ],
        *[
            ("address", f"https://{host}/", webhooks.INSIDE)
            for host in (
                *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost"),
                *("10.0.0.1", "169.254.169.254", "100.64.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]"),
                *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "192.0.0.192", "[fec0::1]", "224.0.0.1"),
            )
        ],
        ("kinds", [], webhooks.NO_KINDS),
        ("kinds", ["request.*", "request.aproved"], webhooks.UNKNOWN_KIND),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(field: str, value: object, reason: object) -> None:
    one, _other = administrators()
    given: dict[str, Any] = {
        "name": "T",
        "format": WebhookFormat.STANDARD,
        "address": "https://example.com/",
        "kinds": ["*"],
    }
    wanted = WebhookInput(**{**given, field: value})
    with pytest.raises(Refused) as refused:
        webhooks.make(actor=one, wanted=wanted)
    assert (refused.value.reason, refused.value.field) == (reason, field)
    assert not Webhook.objects.exists()


def test_nobody_else_makes_one() -> None:
    active, on_leave = PersonState.ACTIVE, PersonState.INACTIVE
    others = [
        (Role.AUDITOR, active),
        (Role.TOKEN_ADMINISTRATOR, active),
        (Role.SYSTEM_ADMINISTRATOR, on_leave),
    ]
    for role, state in others:
        actor = cast.person(f"x{role}", roles=(role,), state=state, sid="")
        wanted = WebhookInput(
            name="T", format=WebhookFormat.STANDARD, address="https://example.com/", kinds=["*"]
        )
        with pytest.raises(Refused) as refused:
            webhooks.make(actor=actor, wanted=wanted)
        assert refused.value.reason is webhooks.NOT_ADMINISTRATOR


def test_patterns() -> None:
    assert webhook_kinds.expand(["*"]) == set(webhook_kinds.NAMES)
    assert webhook_kinds.expand(["siem.*", "token.revoked"]) == {"siem.resent", "token.revoked"}
    assert webhook_kinds.unknown(["siem.*", "sie*", "*.revoked", ".*", ""]) == ["sie*", "*.revoked", ".*", ""]


def test_old_deliveries_go(logged: Logged, receiver: Receiver) -> None:
    row, _secret = made(receiver.address)
    logged(2)
    deliver(row)
    old = WebhookDelivery.objects.order_by("pk")[:1]
    WebhookDelivery.objects.filter(pk__in=old).update(created_at=timezone.now() - timedelta(days=31))
    assert delivering.forget() == 1
    assert WebhookDelivery.objects.count() == 1
