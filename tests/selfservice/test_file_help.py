"""**My file does not open**: every device has its words, and each leads to the file that it reads."""

import re

import pytest
from django.utils.html import escape
from django.utils.translation import override

from ca_bridge.contract import RevocationReason
from identity_manager.mail import install
from identity_manager.models import TokenState
from identity_manager.people import anonymisation
from identity_manager.workflow.revocation import revoke
from selfservice.help import installation_help
from tests.selfservice.conftest import Desk, Visitor, page


def test_every_device_has_its_words() -> None:
    assert list(installation_help.TROUBLES) == [device.code for device in install.DEVICES]
    troubles = installation_help.TROUBLES.items()
    unseen = [code for code, found in troubles if not all(each.messages for each in found)]
    assert unseen == ["outlook-mobile", "gmail"]


def test_whatever_an_unseen_program_says_it_is_led_to_its_file(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("file-help"), {"device": "gmail"}).content.decode()
    assert "It refuses the file or the passphrase" in text


def test_programs_without_smime_are_named_with_those_that_can(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("file-help")).content.decode()
    assert (
        "<strong>Thunderbird for Android, K-9 Mail</strong>: They have no S/MIME. On Android these can"
        in text
    )


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
def test_what_must_be_there_first_and_where_it_was_tried(
    desk: Desk, visit: Visitor, device: install.Device
) -> None:
    text = visit(desk.uma).get(page("token", desk.active.pk), {"device": device.code}).content.decode()
    assert escape(str(device.needs)) in text
    assert ("Your organisation must have set up first" in text) == bool(device.needs)
    assert (f"tried with {device.tried}." if device.tried else "not tried with the product itself") in text


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
def test_a_device_that_reads_the_older_file_alone_is_led_to_it(device: install.Device) -> None:
    """There a wrong file looks like a wrong passphrase; the others may have mistyped."""
    troubles = installation_help.TROUBLES[device.code]
    remedies = {trouble.remedy for trouble in troubles}
    assert (remedies == {installation_help.GET_THIS_FILE}) == (device.container_format == install.COMPATIBLE)


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_says_what_the_device_says(
    desk: Desk, visit: Visitor, device: install.Device, language: str
) -> None:
    client = visit(desk.uma)
    client.cookies["django_language"] = language
    text = client.get(page("file-help"), {"device": device.code}).content.decode()
    with override(language):
        for trouble in installation_help.TROUBLES[device.code]:
            assert all(message in text for message in trouble.messages)
            assert str(trouble.remedy) in text


def test_it_leads_to_each_token_with_the_file_for_the_device(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("file-help"), {"device": "macos"}).content.decode()
    for token in (desk.sealed, desk.active):
        assert f"{page('token', token.pk)}?device=macos#install" in text
    assert page("token", desk.token_of(desk.moving).pk) not in text


def test_what_cannot_be_sent_is_not_offered(desk: Desk, visit: Visitor) -> None:
    for token in (desk.sealed, desk.active):
        revoke.revoke_token(actor=desk.uma, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    text = visit(desk.uma).get(page("file-help"), {"device": "macos"}).content.decode()
    assert page("token", desk.active.pk) not in text
    assert "You have no software token whose file can be sent." in text


def test_somebody_elses_tokens_are_not_named(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.sam).get(page("file-help"), {"device": "macos"}).content.decode()
    assert desk.active.state == TokenState.ACTIVE
    assert page("token", desk.active.pk) not in text


def test_a_device_that_nobody_knows_is_no_device(desk: Desk, visit: Visitor) -> None:
    response = visit(desk.uma).get(page("file-help"), {"device": "toaster"})
    assert response.status_code == 200
    assert "Choose a device: you see what its messages mean" in response.content.decode()


@pytest.mark.parametrize("name", ["dashboard", "certificates", "token", "passphrase"])
def test_the_way_there(desk: Desk, visit: Visitor, name: str) -> None:
    address = desk.addresses()[name]
    text = visit(desk.uma).get(address, follow=True).content.decode()
    assert re.search(rf'href="{page("file-help")}["?]', text)


def test_the_mail_with_the_file_names_it(desk: Desk) -> None:
    mail = desk.active.mails.filter(message="delivery").first()
    assert mail is not None
    assert "My file does not open" in mail.body_text
    assert "My file does not open" in mail.body_html


def test_a_token_whose_files_are_gone_is_not_named(desk: Desk) -> None:
    assert desk.active in installation_help.tokens(desk.uma)
    anonymisation.remove_containers(desk.active)
    assert desk.active not in installation_help.tokens(desk.uma)
