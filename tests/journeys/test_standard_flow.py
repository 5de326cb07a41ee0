"""The standard flow, from Enable to a container that opens, through the real pages of both portals."""

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12 as reader

from identity_manager.models import RequestState, Role, SoftwareToken, TokenRequest
from tests.journeys.office import Office, delivered_files, links_in, mails_to
from tests.tools import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


def test_from_enable_to_a_container_that_opens(office: Office) -> None:
    # 1  ada enables uma
    request = office.enable("VPN")
    assert f"/requests/{request.pk}/" in office.ada.page.url
    assert request.state == RequestState.AWAITING_ACCEPTANCE  # 2  nobody need approve this type

    # 3  uma has the role, and a mail that leads to Open Tasks
    assert office.company.uma.has_role(Role.SELF_SERVICE_USER)
    (information,) = mails_to("uma@example.com")
    assert any(link.endswith("/my/open-tasks/") for link in links_in(information))

    # 4  she accepts the terms
    assert "VPN" in office.uma.open("/my/open-tasks/").text
    office.accept(request)

    # 5, 6  issued and sealed; the passphrase is shown, noted, destroyed
    secret = office.show_passphrase(request)
    assert "Shown 1 time" in office.uma.page.text
    office.note_passphrase()
    token = SoftwareToken.objects.get()
    assert (token.state, token.passphrase_wrapped) == ("active", None)
    assert "VPN" in office.uma.open("/my/certificates/").text

    # 7  the container came by mail, and opens
    ((name, content),) = delivered_files("uma@example.com")
    key, certificate, _chain = reader.load_key_and_certificates(content, secret.encode())
    assert key.public_key() == certificate.public_key()
    assert name.endswith(".p12")
    assert secret not in "".join(stored.message.as_string() for stored in mails_to("uma@example.com"))
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


def test_a_type_that_always_needs_approval(office: Office) -> None:
    request = office.enable("SIGNATURE")
    assert request.state == RequestState.REQUESTED
    assert "SIGNATURE" not in office.uma.open("/my/open-tasks/").text
    (asked,) = mails_to("paul@example.com")
    assert any(f"/requests/{request.pk}/" in link for link in links_in(asked))

    office.approve(request)
    office.accept(request)

    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert any("ada@example.com" in stored.recipients for stored in mails_to("ada@example.com"))


def test_two_types_are_two_tokens_with_a_passphrase_and_a_mail_each(office: Office) -> None:
    cast.token_type("pair", profiles=("signing", "encryption"))
    request = office.enable("VPN", "PAIR")
    office.accept(request)

    secrets = []
    for token in request.tokens.all():
        office.uma.open(f"/my/tokens/{token.pk}/passphrase/")
        office.uma.press("Show passphrase")
        secrets.append(office.uma.page.outputs[0])
        office.note_passphrase()

    assert len(set(secrets)) == 2
    deliveries = [stored for stored in mails_to("uma@example.com") if stored.attachments()]
    assert sorted(len(stored.attachments()) for stored in deliveries) == [1, 2]
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


def test_nothing_checked_says_so_at_the_field(office: Office) -> None:
    office.ada.open(f"/persons/{office.company.uma.pk}/enable/")
    page = office.ada.press("Next")

    assert page.status == 422
    assert "Check at least one software token type." in page.text
    assert not TokenRequest.objects.exists()


def test_a_forged_form_for_an_inactive_person_is_refused(office: Office) -> None:
    office.ada.open(f"/persons/{office.company.uma.pk}/enable/")
    form = office.ada.page.form("Next")
    form.check("VPN")
    office.company.uma.deactivate()
    office.company.uma.save()

    page = office.ada.send(form)

    assert 400 <= page.status < 500
    assert "Inactive" in page.text
    assert not TokenRequest.objects.exists()


def test_a_first_sign_in_by_a_one_time_code(office: Office) -> None:
    eve = cast.person("eve", roles=())
    office.enable("VPN", person=eve)

    office.rita.open(f"/persons/{eve.pk}/sign-in-code/")
    office.rita.press("Next")
    office.rita.press("Make and show the code")
    code = office.rita.page.outputs[0]

    browser = office.visitor()
    browser.open("/account/first-sign-in/")
    form = browser.page.form("Set password and sign in")
    values = iter((eve.personnel_number, code, "a long enough password", "a long enough password"))
    for control in form.controls:
        if control.kind != "hidden":
            control.value = next(values)
    browser.send(form)

    assert browser.page.url.startswith("http://localhost/my/")
    assert "Eve" in browser.page.text
    assert code not in "".join(stored.message.as_string() for stored in mails_to("eve@example.com"))
