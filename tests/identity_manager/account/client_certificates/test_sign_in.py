"""Sign-in by client certificate: whom it lets in, what it opens, and what it does not."""

import uuid
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core import signing
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.x509 import client_authentication
from identity_manager.account.client_certificates import certificate_views
from identity_manager.models import Account, AuditEvent, Certificate, Person, SoftwareToken
from tests.identity_manager.account.client_certificates.conftest import HOST, Browser, escaped, rfc_9440
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD
from tests.tools.x509 import issued, named

pytestmark = [pytest.mark.django_db, pytest.mark.long]
START, FINISH, ASK = "/account/certificate/", "/account/certificate/finish/", "/sso/certificate/"


def refused_with(response: Any, code: str, status: int = 403) -> None:
    assert response.status_code == status, response.content.decode()[:1000]
    assert "You are not signed in" in response.text
    if status == 403:
        event = AuditEvent.objects.filter(name="account.sign-in-failed").latest("pk")
        assert event.facts == {"method": "certificate", "reason": code}


def test_it_opens_the_portal(browser: Browser, certificate: Certificate, uma: Person) -> None:
    response = browser.sign_in(bytes(certificate.certificate), next="/my/certificates/")
    assert response["Location"] == "/my/certificates/"
    assert browser.here.get("/my/certificates/").status_code == 200
    event = AuditEvent.objects.filter(name="account.signed-in").latest("pk")
    assert (event.person, event.facts) == (uma, {"method": "certificate"})


def test_as_nginx_passes_it_on(browser: Browser, certificate: Certificate, settings: Settings) -> None:
    settings.CERTIFICATE_HEADER = "x-ssl-client-cert"
    der = bytes(certificate.certificate)
    headers = {"HTTP_X_SSL_CLIENT_CERT": escaped(der), "HTTP_X_SSL_CLIENT_VERIFY": "SUCCESS"}
    assert browser.at_the_proxy(browser.start(), **headers).status_code == 302
    headers["HTTP_X_SSL_CLIENT_VERIFY"] = "FAILED:certificate revoked"
    refused_with(browser.at_the_proxy(browser.start(), **headers), "certificate-not-accepted")
    settings.CERTIFICATE_HEADER = "client-cert"
    refused_with(browser.at_the_proxy(browser.start(), **headers), "certificate-none")


# --- What it does not open: each wants the second factor, or the password where there is none -------
CONFIRM = "/account/reauthenticate/"


@pytest.mark.parametrize(
    "page", ["passphrase", "files", "renew", "recover", "revoke-all", "second factor", "passkey"]
)
@pytest.mark.parametrize("app", [False, True], ids=["password", "second factor"])
def test_what_it_does_not_open(
    browser: Browser,
    token: SoftwareToken,
    certificate: Certificate,
    her_account: Account,
    page: str,
    *,
    app: bool,
) -> None:
    """A thief of the token has its certificate: it must not renew itself, nor show the next passphrase."""
    address, method = {
        "passphrase": (f"/my/tokens/{token.pk}/passphrase/", "post"),
        "files": (f"/my/certificates/{token.pk}/files/", "post"),
        "renew": (f"/my/tokens/{token.pk}/renew/", "post"),
        "recover": ("/my/recover/", "get"),
        "revoke-all": ("/my/certificates/revoke-all/", "post"),
        "second factor": ("/account/second-factors/app/", "get"),
        "passkey": ("/account/passkeys/add/", "get"),
    }[page]
    browser.sign_in(bytes(token.certificates.get().certificate))
    assert browser.is_signed_in
    if app:
        factors.with_app(her_account)
    response = getattr(browser.here, method)(address)
    assert response["Location"].startswith(f"{CONFIRM}?next="), response.status_code
    form = {"code": factors.code()} if app else {"password": PASSWORD}
    confirmed = browser.here.post(CONFIRM, {**form, "next": address})
    assert confirmed["Location"] == address
    again = getattr(browser.here, method)(address)
    assert not again.get("Location", "").startswith(CONFIRM)


def test_with_a_second_factor_it_is_asked_for_at_once(
    browser: Browser, certificate: Certificate, her_account: Account
) -> None:
    factors.with_app(her_account)
    response = browser.sign_in(bytes(certificate.certificate))
    assert response["Location"] == "/account/login/second-step/"
    assert not browser.is_signed_in


def test_other_ways_renew_as_before(token: SoftwareToken, her_account: Account) -> None:
    client = factors.signed_in(her_account)
    response = client.post(f"/my/tokens/{token.pk}/renew/")
    assert not response.get("Location", "").startswith(CONFIRM)


# --- Whose certificate ------------------------------------------------------------------------------
def test_revoked_in_our_own_table(
    browser: Browser, token: SoftwareToken, certificate: Certificate, uma: Person
) -> None:
    der = bytes(certificate.certificate)
    Certificate.objects.filter(pk=certificate.pk).update(revocation_decided_at=timezone.now())
    refused_with(browser.show(der), "certificate-not-usable")


@pytest.mark.parametrize(
    "change", [{"hold_wanted": True}, {"held_at_ca": True}, {"not_after": None}], ids=str
)
def test_on_hold_or_over(browser: Browser, certificate: Certificate, change: dict[str, Any]) -> None:
    der = bytes(certificate.certificate)
    Certificate.objects.filter(pk=certificate.pk).update(**change)
    refused_with(browser.show(der), "certificate-not-usable")


def test_revoked_on_the_way_back(browser: Browser, certificate: Certificate) -> None:
    answer = browser.show(bytes(certificate.certificate))
    Certificate.objects.filter(pk=certificate.pk).update(revocation_decided_at=timezone.now())
    response = browser.here.get(answer["Location"].removeprefix("http://testserver"))
    refused_with(response, "certificate-not-usable")


@pytest.mark.parametrize("change", ["inactive", "closed", "none", "break glass"])
def test_nobody_who_may_sign_in(
    browser: Browser, certificate: Certificate, uma: Person, her_account: Account, change: str
) -> None:
    der = bytes(certificate.certificate)
    if change == "inactive":
        Person.objects.filter(pk=uma.pk).update(state="inactive")
    elif change == "none":
        her_account.delete()
    else:
        Account.objects.update(
            **{"closed": {"is_active": False}, "break glass": {"is_break_glass": True}}[change]
        )
    refused_with(browser.sign_in(der), "certificate-no-account")
    assert not browser.is_signed_in


def _made(subject: x509.Name, *, usage: Any = ExtendedKeyUsageOID.CLIENT_AUTH, days: int = 1) -> bytes:
    """A self-signed certificate that says what it likes."""
    key, said = ec.generate_private_key(ec.SECP256R1()), [(x509.ExtendedKeyUsage([usage]), False)]
    made = issued(subject, key.public_key(), (subject, key), since=2, until=days, extensions=said)
    return made.public_bytes(Encoding.DER)


def test_the_subject_says_nothing(browser: Browser, certificate: Certificate, settings: Settings) -> None:
    """A CA that we trust for sign-in issues one in the name of uma: it is not the one that we issued."""
    subject = x509.load_der_x509_certificate(bytes(certificate.certificate)).subject
    forged = _made(subject)
    for trusted in (settings.CERTIFICATE_CAS, (forged,)):
        settings.CERTIFICATE_CAS = trusted
        response = browser.show(forged)
        refused_with(response, "certificate-not-accepted")


def test_of_a_ca_that_does_not_sign_in(
    browser: Browser, certificate: Certificate, settings: Settings
) -> None:
    settings.CERTIFICATE_CAS = (_made(x509.Name([])),)
    der = bytes(certificate.certificate)
    refused_with(browser.show(der), "certificate-not-accepted")


def test_what_is_checked_of_a_certificate(certificate: Certificate, settings: Settings) -> None:
    name = named("Somebody")
    assert client_authentication.faults(bytes(certificate.certificate), settings.CERTIFICATE_CAS) == []
    assert client_authentication.faults(b"no certificate", ()) == ["it cannot be read"]
    server = _made(name, usage=ExtendedKeyUsageOID.SERVER_AUTH, days=-1)
    found = client_authentication.faults(server, settings.CERTIFICATE_CAS)
    assert found[:2] == ["it is not valid now", "it is not for client authentication"]
    assert "its chain does not end at this CA" in found


# --- Headers ----------------------------------------------------------------------------------------
def test_what_is_no_single_certificate(browser: Browser, certificate: Certificate) -> None:
    der = bytes(certificate.certificate)
    one = rfc_9440(der)
    for value, code in (
        ("", "certificate-none"),
        (":{http.request.tls.client.certificate_der_base64}:", "certificate-none"),
        (f"{one},{one}", "certificate-not-accepted"),
        (f"{one}, {one}", "certificate-not-accepted"),
        (one.strip(":"), "certificate-not-accepted"),
        (rfc_9440(der + b"more"), "certificate-not-accepted"),
        (rfc_9440(b"no certificate"), "certificate-not-accepted"),
        (f":{'A' * 16_384}:", "certificate-not-accepted"),
        ("::", "certificate-not-accepted"),
        (":===:", "certificate-not-accepted"),
    ):
        refused_with(browser.at_the_proxy(browser.start(), HTTP_CLIENT_CERT=value), code)


def test_what_is_no_single_escaped_certificate(
    browser: Browser, certificate: Certificate, settings: Settings
) -> None:
    settings.CERTIFICATE_HEADER = "x-ssl-client-cert"
    one = escaped(bytes(certificate.certificate))
    for value in (one + one, f"{one},{one}", "%ff%fe", "x" * 20_000, one.replace("BEGIN", "END")):
        response = browser.at_the_proxy(browser.start(), HTTP_X_SSL_CLIENT_CERT=value)
        refused_with(response, "certificate-not-accepted")


@pytest.mark.parametrize("sender", ["192.0.2.7", "2001:db8::7"])
def test_from_elsewhere_than_a_proxy_the_header_is_forgotten(
    browser: Browser, certificate: Certificate, sender: str
) -> None:
    header = rfc_9440(bytes(certificate.certificate))
    response = browser.at_the_proxy(browser.start(), HTTP_CLIENT_CERT=header, REMOTE_ADDR=sender)
    refused_with(response, "certificate-proxy")


def test_a_proxy_on_another_machine_needs_the_secret(
    browser: Browser, certificate: Certificate, settings: Settings
) -> None:
    settings.PROXY_ADDRESSES = ["192.0.2.0/24"]
    header = {"HTTP_CLIENT_CERT": rfc_9440(bytes(certificate.certificate)), "REMOTE_ADDR": "192.0.2.7"}
    refused_with(browser.at_the_proxy(browser.start(), **header), "certificate-proxy")
    settings.CERTIFICATE_PROXY_SECRET = "between the proxy and us alone"
    refused_with(browser.at_the_proxy(browser.start(), **header), "certificate-proxy")
    header["HTTP_X_CLIENT_CERT_SECRET"] = "between the proxy and us alonE"
    refused_with(browser.at_the_proxy(browser.start(), **header), "certificate-proxy")
    header["HTTP_X_CLIENT_CERT_SECRET"] = "between the proxy and us alone"
    assert browser.at_the_proxy(browser.start(), **header).status_code == 302
    header["REMOTE_ADDR"] = "198.51.100.7"  # no proxy of ours, which knows the secret
    refused_with(browser.at_the_proxy(browser.start(), **header), "certificate-proxy")


def test_no_other_address_reads_it(certificate: Certificate) -> None:
    header = {"HTTP_CLIENT_CERT": rfc_9440(bytes(certificate.certificate))}
    for address in ("/my/", "/", "/account/"):
        assert Client().get(address, **header)["Location"].startswith("/account/login/")
    assert Client().get(FINISH, **header).status_code == 400


# --- There and back ---------------------------------------------------------------------------------
def test_an_answer_fits_the_browser_that_asked(browser: Browser, certificate: Certificate) -> None:
    """Somebody else follows the link, or it stands in a history: it opens nothing there."""
    der = bytes(certificate.certificate)
    answer = browser.show(der)["Location"]
    back = answer.removeprefix("http://testserver")
    thief = Browser()
    assert thief.here.get(back).status_code == 400
    thief.start()
    assert thief.here.get(back).status_code == 400
    assert browser.here.get(back).status_code == 302
    assert browser.here.get(back).status_code == 400, "once"


def test_an_answer_is_accepted_once(browser: Browser, certificate: Certificate) -> None:
    """As if somebody could write into sessions."""
    answer = browser.show(bytes(certificate.certificate))
    begun = browser.here.session[certificate_views.BEGUN]
    back = answer["Location"].removeprefix("http://testserver")
    browser.here.get(back)
    thief = Browser()
    thief.start()
    session = thief.here.session
    session[certificate_views.BEGUN] = begun
    session.save()
    refused_with(thief.here.get(back), "sign-in-replayed")


def test_an_answer_is_good_for_a_minute(browser: Browser, certificate: Certificate) -> None:
    answer = browser.show(bytes(certificate.certificate))
    with factors.later(61):
        assert browser.here.get(answer["Location"].removeprefix("http://testserver")).status_code == 400


def test_what_nobody_signed(browser: Browser, certificate: Certificate) -> None:
    header = {"HTTP_CLIENT_CERT": rfc_9440(bytes(certificate.certificate))}
    forged = signing.dumps({"back": "https://elsewhere.example/", "session": "x"}, salt="another")
    for question in ("", "nonsense", forged):
        response = browser.at_the_proxy(f"{ASK}?question={question}", **header)
        assert response.status_code == 400
        assert "Location" not in response
    browser.start()
    said = {"session": "x", "certificate": str(uuid.uuid4()), "id": "y"}
    for answer in ("", signing.dumps(said, salt="another")):
        assert browser.here.get(FINISH, {"answer": answer}).status_code == 400


def test_the_address_is_at_its_own_host_alone(browser: Browser, settings: Settings) -> None:
    path = browser.start().removeprefix(f"http://{HOST}")
    assert Client().get(path).status_code == 404
    settings.SIGN_IN_METHODS = {"console": ["password"], "selfservice": ["password"]}
    assert Client().get(path, HTTP_HOST=HOST).status_code == 404
    assert Client().post(START).status_code == 404
    assert Client().get(FINISH).status_code == 404


def test_the_sign_in_page_offers_it(settings: Settings) -> None:
    page = Client().get("/account/login/")
    assert "Sign in with your certificate" in page.text
    assert f"http://{HOST}" in page["Content-Security-Policy"]
    settings.CERTIFICATE_BASE_URL = ""
    assert "Sign in with your certificate" not in Client().get("/account/login/").text


def test_which_portal_it_opens_is_a_setting(
    browser: Browser, certificate: Certificate, settings: Settings
) -> None:
    browser.sign_in(bytes(certificate.certificate))
    settings.SIGN_IN_METHODS = {"console": ["certificate"], "selfservice": ["password"]}
    assert browser.here.get("/my/")["Location"] == "/account/another-way/selfservice/"
