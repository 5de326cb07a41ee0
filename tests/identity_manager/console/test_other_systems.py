"""ADMIN, Other systems: what each officer sees and does."""

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import Account, AuditChain, Person, Role, SiemSink
from tests.tools import cast

pytestmark = [pytest.mark.django_db]
PAGE = reverse("console:other-systems")
RESEND = reverse("console:siem-resend", args=["main"])


def browser(actor: Person) -> Client:
    account = Account.objects.create(username=actor.personnel_number, person=actor)
    client = Client()
    client.force_login(account)
    return client


@pytest.fixture
def sven() -> Client:
    return browser(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)))


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
    client = browser(cast.person("olga", roles=(Role.AUDITOR,)))
    assert RESEND not in client.get(PAGE).content.decode()
    assert client.post(RESEND, {"number": "1"}).status_code == 403
