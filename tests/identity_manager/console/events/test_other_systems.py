"""ADMIN, Other systems: what each officer sees and does."""

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager import audit
from identity_manager.events import delivering
from identity_manager.models import AuditChain, AuditEvent, Role, SiemSink, Webhook
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db]
PAGE = reverse("console:other-systems")
RESEND = reverse("console:siem-resend", args=["main"])


@pytest.fixture
def sven() -> Client:
    return signed_in(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)))


def test_how_far_a_siem_has_got_and_why_no_further(sven: Client) -> None:
    AuditChain.objects.create(pk=1, number=1200)
    SiemSink.objects.create(name="main", number=1000, last_error="127.0.0.1:9: Connection refused.")
    text = sven.get(PAGE).content.decode()
    for words in ("main", "127.0.0.1:9", "#1000", "200", "Not confirmed", "Connection refused"):
        assert words in text
    SiemSink.objects.update(number=1200, last_error="")
    assert "Up to date" in sven.get(PAGE).content.decode()


def test_a_system_administrator_has_events_sent_again(sven: Client) -> None:
    SiemSink.objects.create(name="main", number=10)
    assert "#10" in sven.get(RESEND).content.decode()
    answer = sven.post(RESEND, {"number": "11"})
    assert answer.status_code == 422
    assert "was sent already" in answer.content.decode()
    for wrong in ("", "x", "0", str(2**70)):
        assert sven.post(RESEND, {"number": wrong}).status_code == 422
    assert SiemSink.objects.get().number == 10
    assert sven.post(RESEND, {"number": "4"}).status_code == 302
    assert SiemSink.objects.get().number == 3
    assert sven.get(reverse("console:siem-resend", args=["other"])).status_code == 404


def test_an_auditor_reads_alone() -> None:
    client = signed_in(cast.person("olga", roles=(Role.AUDITOR,)))
    assert RESEND not in client.get(PAGE).content.decode()
    assert client.post(RESEND, {"number": "1"}).status_code == 403


WANTED = {
    "name": "Ticketing",
    "format": "standard",
    "address": "https://tickets.example/hooks?key=s3cr3t",
    "kinds": "request.*\ntoken.revoked",
    "signature": "v1",
}
MAKE = reverse("console:webhook-make")


def administrator(name: str) -> Client:
    return signed_in(cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""), 0)


def test_two_system_administrators_make_a_webhook() -> None:
    one, other = administrator("sven"), administrator("sara")
    assert "request.approved" in one.get(MAKE).content.decode()
    answer = one.post(MAKE, WANTED)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "whsec_" in text
    assert "no-store" in answer["Cache-Control"]
    row = Webhook.objects.get()
    assert row.kinds == ["request.*", "token.revoked"]
    page, confirm = (reverse(f"console:{name}", args=[row.pk]) for name in ("webhook", "webhook-confirm"))
    for client in (one, other):
        text = client.get(page).content.decode()
        assert "https://tickets.example/hooks?…" in text
        assert "s3cr3t" not in text
        assert "whsec_" not in text
    assert confirm not in one.get(page).content.decode()
    assert "Ticketing" in other.get(reverse("console:approvals")).content.decode()
    assert "request.*, token.revoked" in other.get(confirm).content.decode()
    assert one.post(confirm).status_code == 403
    assert other.post(confirm).status_code == 302
    assert other.post(confirm).status_code == 409
    names = (
        AuditEvent.objects.filter(name__startswith="webhook.").order_by("pk").values_list("name", flat=True)
    )
    assert list(names) == [audit.Event.WEBHOOK_MADE, audit.Event.WEBHOOK_CONFIRMED]


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "http://tickets.example/"},
        {"address": "https://127.0.0.1/"},
        {"kinds": "nonsense"},
        {"kinds": ""},
        {"name": ""},
        {"format": "soap"},
        {"signature": "v9"},
        {"name": "x" * 61},
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_lost(wrong: dict[str, str]) -> None:
    answer = administrator("sven").post(MAKE, {**WANTED, **wrong})
    assert answer.status_code == 422
    assert "token.revoked" in answer.content.decode()
    assert not Webhook.objects.exists()


def test_key_test_replay_and_stop() -> None:
    one, other = administrator("sven"), administrator("sara")
    one.post(MAKE, {**WANTED, "address": "https://127.0.0.2.invalid/", "with_persons": "on"})
    row = Webhook.objects.get()
    key, test, replay, stop, page = (
        reverse(f"console:webhook{name}", args=[row.pk]) for name in ("-key", "-test", "-replay", "-stop", "")
    )
    assert one.post(test).status_code == 409
    other.post(reverse("console:webhook-confirm", args=[row.pk]))
    assert one.post(test).status_code == 302
    delivering.deliver(webhook_id=row.pk)
    text = one.get(page).content.decode()
    assert "webhook.test" in text
    assert "has no address" in text
    assert "whsec_" not in one.get(key).content.decode()
    assert "whsec_" in one.post(key).content.decode()
    assert one.get(replay).status_code == 200
    assert one.post(replay, {"since": "2026-01-01T00:00", "until": "2025-01-01T00:00"}).status_code == 422
    assert one.post(replay, {"since": "x", "until": ""}).status_code == 422
    assert one.post(replay, {"since": "2026-01-01T00:00", "until": "2027-01-01T00:00"}).status_code == 302
    assert one.post(stop).status_code == 302
    assert one.post(stop).status_code == 409
    assert "Stopped" in one.get(PAGE).content.decode()
