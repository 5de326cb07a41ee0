"""Archived keys are recovered by their owner: a forgotten passphrase, a new device, and who gets nothing."""

import base64
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from identity_manager.demo.visitor import Visitor
from identity_manager.models import ArchivedKey, Container, SoftwareToken, TokenRequest
from identity_manager.people.sign_in import second_factors
from identity_manager.workflow.revocation import revoke
from tests.journeys.office import BASE_URL, PASSWORD, Office, delivered_files, mails_to, over_wsgi
from tests.tools import recovery, totp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]
SECRET = base64.b32encode(b"twenty octets of uma").decode()


@pytest.fixture
def key(office: Office) -> ArchivedKey:
    """uma's key, which an online recovery key opens."""
    recovery.online_in_force(recovery.officers())
    return recovery.archived_key(office.company)


def with_app(office: Office, *, days: float) -> Visitor:
    """uma signs in with an authenticator app that she has had for so many days."""
    row = second_factors.add_app(actor=office.company.uma, secret=SECRET)
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    client = Client()
    client.post("/account/login/", {"login": "uma", "password": PASSWORD})
    client.post("/account/login/second-step/", {"code": totp.code(SECRET)})
    assert "_auth_user_id" in client.session
    client.handler.enforce_csrf_checks = True  # from here on
    return Visitor(BASE_URL, over_wsgi(client))


def test_a_forgotten_passphrase(office: Office, key: ArchivedKey) -> None:
    before = list(Container.objects.values_list("pk", "sha256"))
    uma = office.uma = with_app(office, days=8)
    uma.open("/my/help/file/")
    uma.follow("See what helps")
    assert "Your organisation keeps a copy of this encryption key." in uma.page.text
    assert "Nothing is lost" in uma.page.text
    uma.follow("Recover: ENCRYPTION")
    assert uma.press("Recover", purpose="").status == 422
    files_before = len(delivered_files("uma@example.com"))
    uma.press("Recover", purpose="I have forgotten the passphrase.")
    request = TokenRequest.objects.get(kind="recovery")
    assert len(delivered_files("uma@example.com")) == files_before + 1
    subjects = [str(mail.message["Subject"]) for mail in mails_to("uma@example.com")]
    assert "Archived keys of yours are being recovered" in subjects

    secret = office.show_passphrase(request)
    _name, content = delivered_files("uma@example.com")[0]
    bags = reader.read(content, secret)
    opened = [keys.from_pkcs8(bag.der) for bag in bags if bag.kind == "key"]
    assert [keys.public_key_sha256(each).hex() for each in opened] == [key.public_key_sha256]
    office.note_passphrase()
    request.refresh_from_db()
    assert request.state == "completed"
    assert "Recovered keys" in uma.open("/my/certificates/").text
    assert list(Container.objects.exclude(token__request=request).values_list("pk", "sha256")) == before
    assert "An archived key was opened" in office.ada.open(f"/requests/{request.pk}/").text


def test_a_new_device_gets_past_and_present_keys_under_one_passphrase(
    office: Office, key: ArchivedKey
) -> None:
    past = key.certificate
    assert past is not None
    revoke.revoke_token(
        actor=office.company.uma,
        token_id=past.token_id,
        reason=RevocationReason.CESSATION_OF_OPERATION,
        encryption=[past.pk],
    )
    present = recovery.archived_key(office.company)
    uma = office.uma = with_app(office, days=8)
    uma.open("/my/recover/")
    assert uma.press("Recover", purpose="A new laptop.").status == 422  # of several keys none is checked
    uma.open("/my/certificates/")
    uma.follow("I have a new device")
    assert "copies of 2 encryption keys" in uma.page.text
    uma.follow("Recover")
    uma.press("Recover", purpose="A new laptop.")
    token = SoftwareToken.objects.get(kind="recovery")
    secret = office.show_passphrase(token.request)
    names = {}
    for container in token.containers.filter(format="standard"):
        for bag in reader.read(container.content, secret):
            if bag.kind == "key":
                names[container.certificate_id] = bag.friendly_name or ""
    assert present.certificate is not None
    assert "for reading only" in names[past.pk]
    assert "for reading only" not in names[present.certificate.pk]
    assert len(delivered_files("uma@example.com")) >= 2


def test_a_factor_of_yesterday_leads_to_the_officers(office: Office, key: ArchivedKey) -> None:
    uma = with_app(office, days=6)
    page = uma.open("/my/recover/")
    assert "a second factor that you have had for seven days" in page.text
    assert "two Recovery Officers can recover" in page.text
    assert not TokenRequest.objects.filter(kind="recovery").exists()
    assert key


def test_a_session_without_a_fresh_second_factor_is_asked_for_it(office: Office, key: ArchivedKey) -> None:
    """A stolen session: the factor was shown an hour ago."""
    uma = with_app(office, days=8)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        cache.clear()
        page = uma.open("/my/recover/")
        assert "/account/reauthenticate/" in page.url
    assert key
