"""A person with an issued token, and a browser whose proxy passes on its certificate."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from ca_bridge.connection import registry
from identity_manager.models import Account, Certificate, Person, SoftwareToken
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import account
from tests.tools import cast

HOST = "certificate.testserver"


class Browser(factors.Browser):
    """Here through Django's test client; at the other host name with what the proxy adds."""

    def start(self, **posted: str) -> str:
        response = self.here.post("/account/certificate/", posted)
        assert response["Location"].startswith(f"http://{HOST}/sso/certificate/?question=")
        return str(response["Location"])

    def at_the_proxy(self, address: str, **headers: str) -> Any:
        """Cookies of the portal do not come there."""
        return Client().get(address.removeprefix(f"http://{HOST}"), HTTP_HOST=HOST, **headers)

    def show(self, der: bytes) -> Any:
        return self.at_the_proxy(self.start(), HTTP_CLIENT_CERT=rfc_9440(der))

    def sign_in(self, der: bytes, **posted: str) -> Any:
        answer = self.at_the_proxy(self.start(**posted), HTTP_CLIENT_CERT=rfc_9440(der))
        assert answer.status_code == 302, answer.content.decode()[:1000]
        return self.here.get(answer["Location"].removeprefix("http://testserver"))


def rfc_9440(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


def escaped(der: bytes) -> str:
    """As nginx's $ssl_client_escaped_cert."""
    return quote(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode(), safe="")


@pytest.fixture(autouse=True)
def _configured(settings: Settings, db: None) -> None:
    cache.clear()
    settings.CERTIFICATE_BASE_URL = f"http://{HOST}"
    settings.ALLOWED_HOSTS = ["testserver", HOST]
    settings.CERTIFICATE_CAS = tuple(registry.connector("corporate").chain())


@pytest.fixture
def uma(_configured: None) -> Person:
    return cast.person("uma")


@pytest.fixture
def her_account(uma: Person) -> Account:
    return account(uma)


@pytest.fixture
def token(uma: Person, her_account: Account) -> SoftwareToken:
    request = cast.delivered(cast.issued(cast.accepted(cast.enabled(cast.person("ada"), uma))))
    return cast.noted(request.tokens.get())


@pytest.fixture
def certificate(token: SoftwareToken) -> Certificate:
    return token.certificates.get()


@pytest.fixture
def browser() -> Browser:
    return Browser()
