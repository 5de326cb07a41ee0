"""The configuration profile of a token: what is in it, and that it is handed out as its files are."""

import plistlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.pkcs12.apple_profile import MailServer
from identity_manager.mail import install
from identity_manager.models import (
    AuditEvent,
    Container,
    DeliveryState,
    OutgoingMail,
    SoftwareToken,
    TokenType,
)
from identity_manager.transactions.refusals import NotAllowed, Refused
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.delivery import apple_profile, download
from identity_manager.workflow.policy.eligibility import NOT_YOURS
from tests.ca_bridge.pkcs12.apple_schema import findings
from tests.identity_manager.workflow.delivery.test_download import facts, token_in
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db
IPHONE, OLD, MAC, WINDOWS = (
    install.DEVICES[[each.code for each in install.DEVICES].index(code)]
    for code in ("iphone", "iphone-old", "macos", "windows")
)
SERVERS = MailServer("imap.example.com", 993), MailServer("smtp.example.com", 587)


def fetch(token: SoftwareToken, device: install.Device = IPHONE, **changes: Any) -> apple_profile.ProfileFile:
    values = {"actor": token.person, "token_id": token.pk, "signed_in_at": timezone.now()} | changes
    return download.fetch_profile(device=device, **values)


def content(profile: apple_profile.ProfileFile) -> dict[str, Any]:
    found: dict[str, Any] = plistlib.loads(profile.content)
    assert findings(found) == []
    return found


def payloads(profile: apple_profile.ProfileFile, kind: str) -> list[dict[str, Any]]:
    found = content(profile)["PayloadContent"]
    return [each for each in found if each["PayloadType"] == f"com.apple.{kind}"]


def test_root_issuing_ca_and_every_identity_are_in_it(company: Company) -> None:
    token = token_in(company, "bounced", profiles=("client", "second"))
    passphrase = step6_passphrase.show(actor=token.person, token_id=token.pk, signed_in_at=timezone.now())
    profile = fetch(token, signed_in_at=timezone.now())

    issuing, *_others, root = registry.connector(token.certificates.all()[0].profile.ca).chain()
    assert [each["PayloadContent"] for each in payloads(profile, "security.root")] == [root]
    assert [each["PayloadContent"] for each in payloads(profile, "security.pkcs1")] == [issuing]
    identities = payloads(profile, "security.pkcs12")
    opened = [pkcs12.load_pkcs12(each["PayloadContent"], passphrase.encode()) for each in identities]
    assert [each.cert.certificate.serial_number for each in opened if each.cert] == [
        int(row.serial, 16) for row in token.certificates.all()
    ]
    assert passphrase.encode() not in profile.content


@pytest.mark.parametrize("device", [IPHONE, OLD, MAC], ids=lambda device: device.code)
def test_the_device_gets_the_format_that_it_reads(company: Company, device: install.Device) -> None:
    token = token_in(company, "bounced")
    (identity,) = payloads(fetch(token, device), "security.pkcs12")
    wanted = token.containers.get(format=device.container_format.value)
    assert identity["PayloadContent"] == wanted.content


def test_a_second_download_replaces_itself_and_no_other_token(company: Company) -> None:
    token = token_in(company, "bounced")
    first, again, older = content(fetch(token)), content(fetch(token)), content(fetch(token, OLD))
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, cast.token_type("other"))))
    SoftwareToken.objects.update(delivery="bounced")
    other = content(fetch(request.tokens.get()))
    for name in ("PayloadIdentifier", "PayloadUUID"):
        assert first[name] == again[name] == older[name] != other[name]
    uuids = [[each["PayloadUUID"] for each in found["PayloadContent"]] for found in (first, older, other)]
    assert uuids[0] == uuids[1]
    assert not set(uuids[0]) & set(uuids[2])


def test_it_counts_is_told_and_recorded_as_the_files_are(company: Company) -> None:
    token = token_in(company, "bounced", profiles=("client", "second"))
    profile = fetch(token)

    counted = Container.objects.filter(downloads=1).values_list("format", flat=True)
    assert list(counted) == ["standard", "standard"]
    assert SoftwareToken.objects.get().delivery == DeliveryState.FETCHED
    mail = OutgoingMail.objects.get(message="file_fetched")
    assert profile.file_name in mail.body_text
    assert AuditEvent.objects.get(name="token.file-fetched").facts["file"] == profile.file_name


def test_a_fetched_profile_keeps_the_passphrase_for_another_sign_in(company: Company) -> None:
    token, signed_in = token_in(company, "bounced"), timezone.now()
    fetch(token, signed_in_at=signed_in)
    with pytest.raises(NotAllowed):
        step6_passphrase.show(actor=company.uma, token_id=token.pk, signed_in_at=signed_in)


def refused(token: SoftwareToken, device: install.Device = IPHONE, **changes: Any) -> Refused:
    before = facts()
    with pytest.raises(Refused) as caught:
        fetch(token, device, **changes)
    assert facts() == before
    return caught.value


def test_what_is_refused_leaves_all_as_it_was(company: Company) -> None:
    token = token_in(company, "sent")
    assert refused(token).reason == download.COMES_BY_MAIL
    SoftwareToken.objects.update(delivery="bounced")
    assert refused(token, actor=company.sam).reason == NOT_YOURS
    assert refused(token, WINDOWS).reason == download.GONE
    signed_in = timezone.now()
    step6_passphrase.show(actor=company.uma, token_id=token.pk, signed_in_at=signed_in)
    assert isinstance(refused(token, signed_in_at=signed_in), NotAllowed)
    Container.objects.all().delete()
    assert refused(token, signed_in_at=timezone.now()).reason == download.GONE


@pytest.fixture
def for_mail(company: Company, settings: Settings) -> SoftwareToken:
    """A token whose type wants a mail account, with a certificate for each purpose."""
    settings.APPLE_MAIL_SERVERS = SERVERS
    for code in ("signature", "encryption"):
        cast.profile(code, purpose=code)
    token = token_in(company, "bounced", profiles=("client", "signature", "encryption"))
    TokenType.objects.update(apple_mail_account=True)
    return token


def test_the_mail_account_names_the_identities_and_comes_on_ios_alone(for_mail: SoftwareToken) -> None:
    (account,) = payloads(fetch(for_mail), "mail.managed")
    _client, signature, encryption = payloads(fetch(for_mail), "security.pkcs12")

    assert account["EmailAddress"] == "uma@example.com"
    assert account["SMIMESigningCertificateUUID"] == signature["PayloadUUID"]
    assert account["SMIMEEncryptionCertificateUUID"] == encryption["PayloadUUID"]
    assert payloads(fetch(for_mail, MAC), "mail.managed") == []


@pytest.mark.parametrize("missing", ["servers", "option", "address"])
def test_without_one_of_them_there_is_no_mail_account(
    for_mail: SoftwareToken, settings: Settings, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "servers":
        settings.APPLE_MAIL_SERVERS = None
    elif missing == "option":
        TokenType.objects.update(apple_mail_account=False)
    else:
        monkeypatch.setattr(apple_profile, "_address", lambda _container: "")
    assert payloads(fetch(for_mail), "mail.managed") == []


def test_without_the_cas_certificates_the_root_is_left_out(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_in(company, "bounced")

    def gone(_alias: str) -> None:
        raise CaError("gone", permanent=True)

    monkeypatch.setattr(registry, "connector", gone)
    profile = fetch(token)
    assert payloads(profile, "security.root") == []
    assert len(payloads(profile, "security.pkcs1")) == len(payloads(profile, "security.pkcs12")) == 1
