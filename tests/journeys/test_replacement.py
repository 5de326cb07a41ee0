"""Replace softtoken: from the dashboard to new tokens and readable old mail; and an officer's part."""

import pytest

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from ca_bridge.pkcs12.decryption import ContainerError
from identity_manager.models import ArchivedKey, Certificate, SoftwareToken, TokenRequest
from tests.journeys.office import Office, delivered_files, mails_to
from tests.journeys.test_recovery import with_app
from tests.tools import recovery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


@pytest.fixture
def key(office: Office) -> ArchivedKey:
    """uma's key, which an online recovery key opens."""
    recovery.online_in_force(recovery.officers())
    return recovery.archived_key(office.company)


def test_a_stolen_laptop(office: Office, key: ArchivedKey) -> None:
    uma = office.uma = with_app(office, days=8)
    uma.open("/my/")
    uma.follow("Replace softtoken")
    assert "It is revoked, and a new one is asked for, if you tick" in uma.page.text
    assert uma.press("Replace").status == 422
    uma.press("Replace", cause="stolen")
    assert set(Certificate.objects.filter(token__kind="initial").values_list("state", flat=True)) == {
        "revoked"
    }
    assert "One step is left" in uma.page.text

    uma.press("Recover")
    new, recovered = TokenRequest.objects.get(kind="replacement"), TokenRequest.objects.get(kind="recovery")
    assert "Your passphrase for ENCRYPTION" in uma.page.text
    uma.press("Show passphrase")
    uma.press("Confirm", "I have noted the passphrase")
    assert "Your passphrase for Recovered keys" in uma.page.text
    uma.press("Show passphrase")
    secret = uma.page.outputs[0]
    bags = [bag for _name, content in delivered_files("uma@example.com") for bag in _opened(content, secret)]
    opened = [keys.public_key_sha256(keys.from_pkcs8(bag.der)).hex() for bag in bags if bag.kind == "key"]
    assert opened == [key.public_key_sha256]
    office.note_passphrase()

    assert set(
        TokenRequest.objects.filter(pk__in=[new.pk, recovered.pk]).values_list("state", flat=True)
    ) == {"completed"}
    token = new.tokens.get()
    assert "It replaces a token that was revoked" in uma.open(f"/my/certificates/{token.pk}/").text
    assert "Look at the new one" in uma.open(f"/my/certificates/{token.predecessor_id}/").text
    assert "A replacement" in office.ada.open(f"/requests/{new.pk}/").text
    assert "The device was stolen" in office.ada.page.text


def _opened(content: bytes, secret: str) -> list[reader.Bag]:
    try:
        return list(reader.read(content, secret))
    except ContainerError:
        return []


def test_without_a_second_factor_officers_recover_and_new_tokens_come_all_the_same(
    office: Office, key: ArchivedKey
) -> None:
    uma = office.uma
    uma.open("/my/certificates/replace/")
    uma.press("Replace", cause="lost")
    assert "two Recovery Officers can recover" in uma.page.text
    uma.follow("Go on without old keys")
    uma.press("Show passphrase")
    office.note_passphrase()
    assert SoftwareToken.objects.get(kind="replacement").state == "active"


def test_a_forgotten_passphrase_leads_to_a_new_token(office: Office) -> None:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    uma = office.uma
    uma.open("/my/help/passphrase/")
    uma.follow("Replace: VPN")
    uma.press("Replace")  # the reason is chosen: the page before knew it
    uma.press("Show passphrase")
    office.note_passphrase()
    assert dict(SoftwareToken.objects.values_list("kind", "state")) == {
        "initial": "revoked",
        "replacement": "active",
    }
    assert Certificate.objects.get(token__kind="initial").revocation_reason == "superseded"


def test_an_administrator_replaces_for_the_person(office: Office, key: ArchivedKey) -> None:
    ada = office.ada
    ada.open(f"/persons/{office.company.uma.pk}/")
    ada.follow("Replace")
    assert (
        "ENCRYPTION: is issued anew if its encryption certificate is ticked, and stays else." in ada.page.text
    )
    ada.press("Replace", cause="compromised")
    request = TokenRequest.objects.get(kind="replacement")
    assert (request.state, request.requested_by) == ("awaiting_acceptance", office.company.ada)
    subjects = [str(mail.message["Subject"]) for mail in mails_to("uma@example.com")]
    assert "Your software tokens are being replaced" in subjects
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    assert request.tokens.get().state == "active"
    assert "Replacement" in ada.open("/search/?kind=request&request_kind=replacement").text
