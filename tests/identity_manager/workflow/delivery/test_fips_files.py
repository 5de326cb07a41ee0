"""The FIPS format: made where the settings say so, and offered beside devices that read it alone."""

import pytest
from django.conf import settings as configured
from django.urls import reverse
from pytest_django import Settings

from ca_bridge.pkcs12 import reader
from identity_manager.mail import install
from identity_manager.models import OutgoingMail, SoftwareToken
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.delivery import resending
from tests.identity_manager.workflow.delivery.test_download import token_in
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
READERS = {"linux", "firefox", "thunderbird"}


@pytest.fixture
def token(company: Company, settings: Settings) -> SoftwareToken:
    settings.CONTAINER_FIPS = True
    return token_in(company, "bounced")


def send(token: SoftwareToken) -> OutgoingMail:
    return resending.send_again(actor=token.person, token_id=token.pk, container_format="fips")


def formats(token: SoftwareToken) -> list[str]:
    return sorted(token.containers.values_list("format", flat=True))


def test_it_is_made_where_the_settings_say_so(company: Company, token: SoftwareToken) -> None:
    assert formats(token) == ["compatible", "fips", "standard"]
    container = token.containers.get(format="fips")
    assert container.file_name.endswith("-fips.p12")
    assert reader.mac_iterations(container.content) == configured.CONTAINER_STANDARD_ITERATIONS


def test_it_is_off_by_default(company: Company) -> None:
    token = token_in(company, "bounced")
    assert formats(token) == ["compatible", "standard"]
    with pytest.raises(NotPossible) as refused:
        send(token)
    assert refused.value.reason == resending.NO_SUCH_FORMAT


def test_a_token_that_was_sealed_before_has_none(company: Company, settings: Settings) -> None:
    token = token_in(company, "bounced")
    settings.CONTAINER_FIPS = True
    with pytest.raises(NotPossible) as refused:
        send(token)
    assert refused.value.reason == resending.SEALED_BEFORE


def test_the_mail_names_the_devices_that_read_it_and_those_that_do_not(token: SoftwareToken) -> None:
    mail = send(token)
    assert mail.container_format == "fips"
    explained = {each.code for each in install.DEVICES if f"\n{each.name}\n1. " in mail.body_text}
    assert explained == READERS
    assert "\n- Windows 10 or 11\n" in mail.body_text


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
def test_it_is_offered_beside_devices_that_read_it(token: SoftwareToken, device: install.Device) -> None:
    client = signed_in(token.person)
    text = client.get(reverse("selfservice:token", args=[token.pk]), {"device": device.code}).text
    assert ("Send it in the FIPS format" in text) == (device.code in READERS)
    address = reverse("selfservice:send-again", args=[token.pk])
    response = client.post(address, {"device": device.code, "fips": "1"})
    assert response.status_code == (302 if device.code in READERS else 422)
    assert OutgoingMail.objects.filter(container_format="fips").exists() == (device.code in READERS)


def test_switched_off_it_is_offered_no_more(token: SoftwareToken, settings: Settings) -> None:
    settings.CONTAINER_FIPS = False
    page = reverse("selfservice:token", args=[token.pk])
    assert "FIPS" not in signed_in(token.person).get(page, {"device": "firefox"}).text
