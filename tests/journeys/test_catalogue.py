"""A new token type from nothing to a delivered token; a new version while requests of the old go on."""

import pytest
from pytest_django import Settings

from identity_manager.demo.visitor import Visitor
from identity_manager.models import (
    CertificateProfile,
    RequestState,
    Role,
    SoftwareToken,
    TermsDocument,
    TokenRequest,
    TokenType,
)
from tests.journeys.office import Office, delivered_files
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


@pytest.fixture
def sven(office: Office) -> Visitor:
    return office.browser_of(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)))


@pytest.fixture
def sara(office: Office) -> Visitor:
    return office.browser_of(cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,)))


def activated_by(sara: Visitor, name: str, *, button: str = "Activate") -> None:
    """The second administrator finds it in OPEN TASKS, reads it and puts it in force."""
    sara.open("/open-tasks/")
    sara.follow(name)
    sara.follow(button)
    sara.press(button)


def test_a_new_type_from_nothing_to_a_delivered_token(
    office: Office, sven: Visitor, sara: Visitor, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    sven.open("/admin/profiles/new/")
    sven.press("Save the draft", code="wlan", name="Wireless", ca_profile="wlan")
    sven.press("Ask for activation")
    activated_by(sara, "Wireless")
    profile = CertificateProfile.objects.get(code="wlan", state="active")

    sven.open("/admin/terms/new/")
    sven.press("Save", code="house", name="House rules")
    texts = {
        "names_archiving": "none",
        "title_en": "House rules",
        "body_en": "Keep it.",
        "title_de": "Hausregeln",
        "body_de": "Behüte es.",
    }
    sven.press("Save the draft", **texts)
    sven.press("Ask for publication")
    activated_by(sara, "House rules", button="Publish")
    document = TermsDocument.objects.get(code="house")

    sven.open("/admin/token-types/new/")
    fields = {
        "code": "wlan",
        "name": "Wireless network",
        "description": "Opens the wireless network.",
        "terms": str(document.pk),
        "profiles": str(profile.pk),
        "validity_days": "180",
        "key_algorithm": "ec-p256",
    }
    sven.press("Save the draft", "Employee", **fields)
    sven.press("Ask for activation")
    activated_by(sara, "Wireless network")

    request = office.enable("Wireless network")
    assert "Keep it." in office.uma.open(f"/my/requests/{request.pk}/terms/").text
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()

    assert TokenRequest.objects.get().state == RequestState.COMPLETED
    assert len(delivered_files("uma@example.com")) == 1
    (certificate,) = request.tokens.get().certificates.all()
    assert certificate.profile == profile
    assert (certificate.not_after - certificate.not_before).days == 180


def test_a_new_version_while_requests_of_the_old_are_under_way(office: Office, sven: Visitor) -> None:
    old = office.company.vpn
    under_way = office.enable("VPN")

    sven.open(f"/admin/token-types/{old.pk}/")
    sven.follow("New version")
    sven.press("Save the draft", validity_days="90", name="VPN of today")
    sven.follow("Activate")
    assert "1 token of it is under way" in sven.page.text
    sven.press("Activate")
    new = TokenType.objects.active().get(code="vpn")
    assert new.number == old.number + 1

    office.accept(under_way)
    office.show_passphrase(under_way)
    office.note_passphrase()
    first = SoftwareToken.objects.get()
    assert (first.token_type, first.state) == (old, "active")
    certificate = first.certificates.get()
    assert (certificate.not_after - certificate.not_before).days == old.validity_days

    second = office.enable("VPN of today", person=office.company.sam)
    assert second.tokens.get().token_type == new
    assert second.tokens.get().snapshot["validity_days"] == 90
