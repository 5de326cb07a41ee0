"""An identity provider of another author (pysaml2, in this process), and browsers that use it."""

import base64
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.cache import cache
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from pytest_django import Settings
from saml2 import BINDING_HTTP_REDIRECT, assertion
from saml2.config import IdPConfig
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from identity_manager.config.sso import ROLES
from identity_manager.people.sign_in import saml_provider
from tests.identity_manager.account.sign_in import factors
from tests.tools.x509 import issued, key_pem, named

HERE = "http://testserver"
ACS = f"{HERE}/account/sso/corp/saml/acs/"
SP = f"{HERE}/account/sso/corp/saml/metadata/"
IDP = "https://idp.example.com/metadata"
SSO_URL = "https://idp.example.com/sso"
PASSWORD_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
NS = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A key, and a certificate that it has signed itself, as files."""
    key, subject = rsa.generate_private_key(public_exponent=65537, key_size=2048), named("idp.example.com")
    certificate = issued(subject, key.public_key(), (subject, key))
    files = folder / f"{name}.key", folder / f"{name}.pem"
    files[0].write_bytes(key_pem(key))
    files[1].write_bytes(certificate.public_bytes(Encoding.PEM))
    return files


class Provider:
    """The provider's side."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key, self.certificate = key_pair(folder, name)
        metadata = folder / "sp.xml"
        if not metadata.exists():
            metadata.write_bytes(SP_METADATA.encode())
        policy = {
            "attribute_restrictions": None,
            "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
        }
        self.server = Server(
            config=IdPConfig().load(
                {
                    "entityid": IDP,
                    "key_file": str(self.key),
                    "cert_file": str(self.certificate),
                    "xmlsec_binary": "/usr/bin/xmlsec1",
                    "metadata": {"local": [str(metadata)]},
                    "service": {
                        "idp": {
                            "endpoints": {"single_sign_on_service": [(SSO_URL, BINDING_HTTP_REDIRECT)]},
                            "policy": {"default": policy},
                        }
                    },
                }
            )
        )

    def answer(self, question: str | None, **changes: Any) -> str:
        """A signed response, as XML. question: the id of the AuthnRequest."""
        said = {
            "identity": {"employeeNumber": "E-UMA"},
            "acs": ACS,
            "sp": SP,
            "name": NameID(format=NAMEID_FORMAT_PERSISTENT, text="uma-at-the-idp"),
            "context": PASSWORD_CONTEXT,
            "instant": int(time.time()),
            "sign_assertion": True,
            "sign_response": False,
            **changes,
        }
        # pysaml2 lets the settings, not the caller, say for which audience.
        restrict = assertion.Policy.conditions
        with pytest.MonkeyPatch.context() as patch:
            if audience := said.pop("audience", ""):
                patch.setattr(assertion.Policy, "conditions", lambda policy, _sp: restrict(policy, audience))
            return self._signed(question, said)

    def _signed(self, question: str | None, said: dict[str, Any]) -> str:
        response = self.server.create_authn_response(
            said["identity"],
            question,
            said["acs"],
            sp_entity_id=said["sp"],
            name_id=said["name"],
            authn={
                "class_ref": said["context"],
                "authn_instant": said["instant"],
            },
            sign_assertion=said["sign_assertion"],
            sign_response=said["sign_response"],
            sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256,
        )
        return str(response)


SP_METADATA = f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{SP}">
<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
 Location="{ACS}" index="1"/>
</md:SPSSODescriptor></md:EntityDescriptor>"""


class Browser(factors.Browser):
    """Here through Django's test client; at the provider the answer is made at once."""

    def start(self, **posted: str) -> str:
        """Press the button; returns the id of the question."""
        response = self.here.post("/account/sso/corp/", posted)
        assert response.status_code == 302, response.content.decode()[:2000]
        assert response["Location"].startswith(f"{SSO_URL}?")
        return request_of(response["Location"]).get("ID")

    def post(self, answer: str | bytes) -> Any:
        """The page of the provider posts from another site: without the session's cookie, which is Lax."""
        raw = answer.encode() if isinstance(answer, str) else answer
        kept = self.here.cookies.pop("sessionid", None)
        response = self.here.post(
            "/account/sso/corp/saml/acs/", {"SAMLResponse": base64.b64encode(raw).decode()}
        )
        if kept is not None:
            self.here.cookies["sessionid"] = kept
        return response

    def arrive(self, answer: str | bytes) -> Any:
        response = self.post(answer)
        assert response["Location"] == "/account/sso/corp/saml/finish/"
        return self.here.get(response["Location"])


def request_of(address: str) -> Any:
    """The AuthnRequest of an address."""
    deflated = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
    return etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(deflated))


@pytest.fixture(scope="session")
def both_keys(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("idp")
    return SimpleNamespace(now=Provider(folder, "now"), next=Provider(folder, "next"))


@pytest.fixture
def provider(both_keys: SimpleNamespace, settings: Settings) -> Provider:
    configure(settings, both_keys.now)
    cache.clear()
    return both_keys.now


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return Browser()


def configure(settings: Settings, *providers: Provider, **more: Any) -> None:
    """The settings trust the keys of these."""
    given = {
        "name": "Example login",
        "entity_id": IDP,
        "sso_url": SSO_URL,
        "certificates": "idp.pem",
        "claim": "employeeNumber",
        "field": "personnel_number",
        **more,
    }
    content = b"".join(each.certificate.read_bytes() for each in providers)
    settings.SAML_PROVIDERS = {
        "corp": saml_provider.parse("corp", given, read=lambda _path: content, roles=ROLES)
    }
