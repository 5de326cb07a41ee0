"""**Certificates** through its pages: what is shown, downloads, **Lock** and **Send the file again**."""

from datetime import timedelta
from http import HTTPStatus

import pytest
import time_machine
from cryptography import x509
from django.http import HttpResponse
from django.utils import timezone, translation

from ca_bridge.contract import RevocationReason
from identity_manager.mail import install
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    DeliveryProblem,
    IdentityChange,
    OutgoingMail,
    SoftwareToken,
    TokenState,
    TokenType,
    VersionState,
)
from identity_manager.people import anonymisation
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.revocation import revoke
from selfservice.certificates.token_details import DEVICE_ICONS, octets
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast

MOST_STEPS = 6


def first_certificate(token: SoftwareToken) -> Certificate:
    certificate = token.certificates.first()
    assert certificate is not None
    return certificate


def lock(desk: Desk, visit: Visitor, reason: str = "keyCompromise") -> HttpResponse:
    return visit(desk.uma).post(page("lock", desk.active.pk), {"reason": reason})


def send(desk: Desk, visit: Visitor, device: str) -> HttpResponse:
    return visit(desk.uma).post(page("send-again", desk.active.pk), {"device": device})


def test_each_token_is_a_card(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("certificates")).content.decode()
    assert page("token", desk.active.pk) in text
    assert page("token", desk.sealed.pk) in text
    assert page("token", desk.token_of(desk.moving).pk) not in text


def test_the_token_page_names_its_certificates(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("token", desk.active.pk)).content.decode()
    for certificate in desk.active.certificates.all():
        assert octets(certificate.serial) in text
        assert octets(certificate.fingerprint_sha256) in text
    assert "Uma Lindqvist" in text
    assert "corporate issuing CA" in text
    assert "uma@example.com" in text


def test_the_public_certificate_in_both_encodings(desk: Desk, visit: Visitor) -> None:
    client, certificate = visit(desk.uma), first_certificate(desk.active)
    pem = client.get(page("certificate-file", certificate.pk, "pem"))
    der = client.get(page("certificate-file", certificate.pk, "der"))
    assert x509.load_pem_x509_certificate(pem.content) == x509.load_der_x509_certificate(der.content)
    assert der.content == certificate.certificate
    assert der["Content-Type"] == "application/pkix-cert"
    assert pem["Content-Disposition"].endswith('.pem"')


def test_the_chain(desk: Desk, visit: Visitor) -> None:
    certificate = first_certificate(desk.active)
    response = visit(desk.uma).get(page("chain", certificate.pk))
    chain = x509.load_pem_x509_certificates(response.content)
    assert certificate.issuer == chain[0].subject.rfc4514_string()
    assert b"PRIVATE" not in response.content


def test_what_is_locked_leads_to_asking_again(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    again = page("ask-again", desk.active.request_id)
    assert again not in client.get(page("token", desk.active.pk)).text
    lock(desk, visit)
    assert again in client.get(page("token", desk.active.pk)).text
    chosen = client.get(again, follow=True).context["form"].initial["types"]
    assert chosen == [str(desk.active.token_type_id)]


@pytest.mark.parametrize("instead", ["asked for", "not offered", "replaced"])
def test_asking_again_is_offered_to_who_can(desk: Desk, visit: Visitor, instead: str) -> None:
    lock(desk, visit)
    token = SoftwareToken.objects.select_related("token_type").get(pk=desk.active.pk)
    if instead == "asked for":
        cast.asked(desk.uma, token.token_type)
    elif instead == "not offered":
        TokenType.objects.filter(pk=token.token_type_id).update(state=VersionState.RETIRED)
    else:
        SoftwareToken.objects.filter(pk=token.pk).update(state=TokenState.REPLACED)
    for name in ("token", "passphrase"):
        text = visit(desk.uma).get(page(name, token.pk)).text
        words = "A newer one has taken its place." if instead == "replaced" else "are revoked for good."
        assert words in text, name
        assert page("ask-again", token.request_id) not in text, name
        assert "ask again" not in text.lower(), name


def test_a_token_of_an_earlier_round_is_asked_for_again(desk: Desk, visit: Visitor) -> None:
    lock(desk, visit)
    SoftwareToken.objects.filter(pk=desk.active.pk).update(round=0)
    page_of_it = visit(desk.uma).get(page("ask-again", desk.active.request_id), follow=True)
    assert page_of_it.context["form"].initial["types"] == [str(desk.active.token_type_id)]


def test_no_other_encoding(desk: Desk, visit: Visitor) -> None:
    address = page("certificate-file", first_certificate(desk.active).pk, "p12")
    assert visit(desk.uma).get(address).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
def test_every_device_has_its_icon_steps_and_files(
    desk: Desk, visit: Visitor, device: install.Device
) -> None:
    assert device.code in DEVICE_ICONS
    response = visit(desk.uma).get(page("token", desk.active.pk), {"device": device.code})
    files = desk.active.containers.filter(format=device.container_format)
    assert [file.pk for file in response.context["files"]] == [file.pk for file in files]
    assert response.content.decode().count("<ol>") == 1


@pytest.mark.parametrize("device", install.DEVICES, ids=lambda device: device.code)
def test_the_steps_end_without_the_file_lying_about(device: install.Device) -> None:
    with translation.override("en"):
        assert any("elete the file" in step for step in map(str, device.steps))
    assert len(device.steps) <= MOST_STEPS


def test_an_unknown_device_is_no_device(desk: Desk, visit: Visitor) -> None:
    response = visit(desk.uma).get(page("token", desk.active.pk), {"device": "toaster"})
    assert response.status_code == HTTPStatus.OK
    assert response.context["device"] is None


def test_the_file_is_sent_again_in_the_format_of_the_device(desk: Desk, visit: Visitor) -> None:
    response = send(desk, visit, "macos")
    assert response["Location"] == f"{page('token', desk.active.pk)}?device=macos#install"
    mail = desk.active.mails.get(container_format="compatible")
    step7_deliver.send(mail_id=mail.pk)
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"


def test_a_second_click_does_not_mail_twice(desk: Desk, visit: Visitor) -> None:
    send(desk, visit, "macos")
    response = send(desk, visit, "macos")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "on its way already" in response.content.decode()
    assert desk.active.mails.filter(container_format="compatible").count() == 1


def test_a_forged_device_is_refused(desk: Desk, visit: Visitor) -> None:
    response = send(desk, visit, "toaster")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert desk.active.mails.filter(message="delivery").count() == 1


def test_nothing_is_sent_of_a_locked_token(desk: Desk, visit: Visitor) -> None:
    revoke.revoke_token(actor=desk.uma, token_id=desk.active.pk, reason=RevocationReason.UNSPECIFIED)
    assert send(desk, visit, "windows").status_code == HTTPStatus.CONFLICT


def test_locking_asks_why(desk: Desk, visit: Visitor) -> None:
    for reason in ("", "superseded", "no reason of ours"):
        response = lock(desk, visit, reason)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.context["form"].errors.keys() == {"reason"}
    assert SoftwareToken.objects.get(pk=desk.active.pk).state == TokenState.ACTIVE


def test_before_locking_only_who_decrypts_with_it_is_told_to_keep_the_file(
    desk: Desk, visit: Visitor
) -> None:
    told = "keep the file and its passphrase"
    assert told not in visit(desk.uma).get(page("lock", desk.active.pk)).text
    CertificateProfile.objects.filter(code="second").update(purpose="encryption")
    text = visit(desk.uma).get(page("lock", desk.active.pk)).text
    assert text.count(told) == 1
    assert "until you have new ones" in text


def test_nobody_looks_for_the_file_of_a_token_that_has_ended(desk: Desk, visit: Visitor) -> None:
    """As OPEN TASKS of the administrators: a report that nobody has answered ends with the token."""
    DeliveryProblem.objects.create(token=desk.active, kind="not-arrived", opened_at=timezone.now())
    address, words = page("token", desk.active.pk), "A Software Token Administrator looks at it"
    assert words in visit(desk.uma).get(address).content.decode()
    lock(desk, visit)
    assert not DeliveryProblem.objects.open().exists()
    shown = visit(desk.uma).get(address).content.decode()
    assert words not in shown
    assert "It has arrived" not in shown


def test_locking_revokes_every_certificate(desk: Desk, visit: Visitor) -> None:
    assert lock(desk, visit)["Location"] == page("token", desk.active.pk)
    assert SoftwareToken.objects.get(pk=desk.active.pk).state == TokenState.REVOKED
    decided = desk.active.certificates.exclude(revocation_decided_at=None)
    assert decided.filter(revocation_reason="keyCompromise").count() == 2
    text = visit(desk.uma).get(page("token", desk.active.pk)).content.decode()
    assert "Being revoked" in text
    assert "the certificate authority is being told" in text
    assert "Choose a device: you see the steps" not in text


def test_locking_twice_says_so(desk: Desk, visit: Visitor) -> None:
    lock(desk, visit)
    response = lock(desk, visit)
    assert response.status_code == HTTPStatus.CONFLICT
    assert "not in use any more" in response.content.decode()


def test_files_that_are_kept_no_longer_are_not_offered(desk: Desk, visit: Visitor) -> None:
    token = page("token", desk.active.pk)
    assert "Send the file again" in visit(desk.uma).get(token, {"device": "windows"}).text

    anonymisation.remove_containers(desk.active)

    text = visit(desk.uma).get(token, {"device": "windows"}).text
    assert "The files of this token are kept no longer." in text
    assert "How to install it" in text
    assert "Send the file again" not in text
    assert "was not mailed to you yet" not in text


def test_while_a_change_of_identity_waits_the_reason_stands_there(desk: Desk, visit: Visitor) -> None:
    IdentityChange.objects.create(person=desk.uma, old={"email": "a@b.c"}, new={"email": "d@b.c"})

    text = visit(desk.uma).get(page("token", desk.active.pk), {"device": "windows"}).text

    assert "Until it is decided nothing is delivered" in text
    assert "Send the file again" not in text


def test_who_had_it_sent_often_is_told_why_not_again(
    desk: Desk, visit: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "MOST_MAILS_A_DAY", 0)
    response = send(desk, visit, "windows")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "mailed ten times within 24 hours" in response.text


def test_a_device_that_cannot_open_what_was_mailed_says_so_before_the_steps(
    desk: Desk, visit: Visitor
) -> None:
    text = visit(desk.uma).get(page("token", desk.active.pk), {"device": "macos"}).text
    told = text.index("This device cannot open the file that was mailed")
    assert told < text.index("How to install it")
    fits = visit(desk.uma).get(page("token", desk.active.pk), {"device": "windows"}).text
    assert "This device cannot open" not in fits


def test_all_are_revoked_at_once_after_a_recent_sign_in(desk: Desk, visit: Visitor) -> None:
    browser, address = visit(desk.uma), page("revoke-all")
    asked = browser.get(address).content.decode()
    assert "Revoke all softtoken types" in asked
    assert str(desk.active) in asked

    answer = browser.post(address, {"reason": "keyCompromise"}, follow=True)
    assert "Your software tokens are revoked." in answer.content.decode()
    both = SoftwareToken.objects.filter(pk__in=[desk.active.pk, desk.sealed.pk])
    assert set(both.values_list("state", flat=True)) == {"revoked"}
    assert "You have no certificate that is to be revoked." in browser.get(address).content.decode()


def test_without_a_recent_sign_in_the_password_is_asked_for(desk: Desk, visit: Visitor) -> None:
    browser, address = visit(desk.uma), page("revoke-all")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        answer = browser.post(address, {"reason": "keyCompromise"})
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert SoftwareToken.objects.get(pk=desk.active.pk).state == TokenState.ACTIVE


def test_an_encryption_certificate_is_revoked_only_where_its_box_is_ticked(
    desk: Desk, visit: Visitor
) -> None:
    CertificateProfile.objects.filter(code="second").update(purpose="encryption")
    browser = visit(desk.uma)
    cipher = desk.active.certificates.get(profile__code="second")
    assert f'value="{cipher.pk}"' in browser.get(page("lock", desk.active.pk)).content.decode()

    lock(desk, visit)
    assert Certificate.objects.get(pk=cipher.pk).revocation_decided_at is None
    refused = lock(desk, visit)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "tick those that are to be revoked" in refused.content.decode()
    ticked = {"reason": "keyCompromise", "encryption": [str(cipher.pk)]}
    assert browser.post(page("lock", desk.active.pk), ticked).status_code == HTTPStatus.FOUND
    assert Certificate.objects.get(pk=cipher.pk).revocation_decided_at
