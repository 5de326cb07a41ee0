"""ADMIN, Client certificates: the test says what arrives and why it is refused, and signs nobody in."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import Certificate, Role
from tests.identity_manager.account.client_certificates.conftest import HOST, Browser, escaped, rfc_9440
from tests.identity_manager.console.visitors import officer
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def sven() -> Client:
    return signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR), 0)


def asked(sven: Client) -> str:
    response = sven.post(reverse("console:certificate-test"))
    assert response["Location"].startswith(f"http://{HOST}/sso/certificate/?question=")
    return str(response["Location"])


def tested(sven: Client, browser: Browser, **headers: str) -> str:
    answer = browser.at_the_proxy(asked(sven), **headers)
    assert answer.status_code == 302, answer.content.decode()[:500]
    return str(sven.get(answer["Location"].removeprefix("http://testserver")).text)


def test_it_would_sign_in(sven: Client, browser: Browser, certificate: Certificate) -> None:
    text = tested(sven, browser, HTTP_CLIENT_CERT=rfc_9440(bytes(certificate.certificate)))
    assert "It would sign in" in text
    assert "Client-Cert" in text
    assert "127.0.0.1" in text
    assert not browser.is_signed_in


@pytest.mark.parametrize(
    ("headers", "changes", "words"),
    [
        ({}, {}, ["certificate-none", "passes none on"]),
        ({"HTTP_CLIENT_CERT": ":eA==:"}, {}, ["certificate-not-accepted"]),
        ({"HTTP_X_SSL_CLIENT_CERT": "x"}, {}, ["certificate-none", "The proxy sends the other header"]),
        (
            {"HTTP_CLIENT_CERT": ":eA==:", "REMOTE_ADDR": "192.0.2.7"},
            {},
            ["certificate-proxy", "192.0.2.7", "PROXY_ADDRESSES", "none"],
        ),
        (
            {"HTTP_CLIENT_CERT": ":eA==:"},
            {"CERTIFICATE_PROXY_SECRET": "s" * 24},
            ["certificate-proxy", "The shared secret is missing", "did not arrive"],
        ),
    ],
)
def test_why_it_is_refused(
    sven: Client,
    browser: Browser,
    settings: Settings,
    headers: dict[str, str],
    changes: dict[str, Any],
    words: list[str],
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    text = tested(sven, browser, **headers)
    assert "It would be refused" in text
    assert [each for each in words if each not in text] == []
    assert "s" * 24 not in text


def test_what_the_proxy_and_our_own_check_say(
    sven: Client, browser: Browser, certificate: Certificate, settings: Settings
) -> None:
    settings.CERTIFICATE_HEADER = "x-ssl-client-cert"
    settings.CERTIFICATE_CAS = ()
    shown = escaped(bytes(certificate.certificate))
    text = tested(sven, browser, HTTP_X_SSL_CLIENT_CERT=shown, HTTP_X_SSL_CLIENT_VERIFY="SUCCESS")
    assert "SUCCESS" in text
    assert "What our own check found" in text


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM_ADMINISTRATOR])
def test_nobody_else_sees_it(role: Role) -> None:
    client = signed_in(officer("x", role), 0)
    page = reverse("console:certificate-test")
    assert (client.get(page).status_code, client.post(page).status_code) == (403, 403)


def test_it_asks_for_a_recent_sign_in(certificate: Certificate) -> None:
    client = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    response = client.post(reverse("console:certificate-test"))
    assert HOST not in response["Location"]


def test_an_answer_fits_the_session_that_asked_once_and_for_a_minute(
    sven: Client, browser: Browser, certificate: Certificate
) -> None:
    header = {"HTTP_CLIENT_CERT": rfc_9440(bytes(certificate.certificate))}
    answer = browser.at_the_proxy(asked(sven), **header)["Location"].removeprefix("http://testserver")
    other = signed_in(officer("sue", Role.SYSTEM_ADMINISTRATOR), 0)
    assert "This answer does not fit" in other.get(answer).text
    assert "It would sign in" in sven.get(answer).text
    assert "This answer does not fit" in sven.get(answer).text

    late = browser.at_the_proxy(asked(sven), **header)["Location"].removeprefix("http://testserver")
    with time_machine.travel(timezone.now().timestamp() + 90):
        assert "It would sign in" not in sven.get(late).text


def test_a_test_signs_nobody_in(sven: Client, browser: Browser, certificate: Certificate) -> None:
    """Its answer at the address of the sign-in, and the question of a sign-in with the word test added."""
    header = {"HTTP_CLIENT_CERT": rfc_9440(bytes(certificate.certificate))}
    browser.start()
    answer = browser.at_the_proxy(asked(sven), **header)["Location"]
    (said,) = parse_qs(urlsplit(answer).query)["answer"]
    response = browser.here.get("/account/certificate/finish/", {"answer": said})
    assert response.status_code == 400
    assert not browser.is_signed_in


def test_where_no_portal_takes_certificates_it_says_so(sven: Client, settings: Settings) -> None:
    settings.CERTIFICATE_BASE_URL = ""
    assert "No portal takes certificates" in sven.get(reverse("console:certificate-test")).text
    assert sven.post(reverse("console:certificate-test")).status_code == 200
