"""What the setting SAML_PROVIDERS may say."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import sso
from identity_manager.people.sign_in import saml_provider
from tests.architecture.standing import a_certificate

pytestmark = pytest.mark.long

GOOD = {
    "name": "Example",
    "entity_id": "https://idp.example.com/metadata",
    "sso_url": "https://idp.example.com/sso",
    "certificates": "idp.pem",
    "claim": "employeeNumber",
    "field": "personnel_number",
}


def parsed(*, content: bytes | None = None, **changes: Any) -> saml_provider.SamlProvider:
    pem = a_certificate() if content is None else content
    return saml_provider.parse("corp", GOOD | changes, read=lambda _path: pem, roles=sso.ROLES)


def test_what_is_left_out_has_a_default() -> None:
    provider = parsed()
    assert (provider.subject, provider.authn_contexts) == ("name-id", ())
    assert provider.authorization_origin == "https://idp.example.com"
    assert not provider.asks_second_factor


def test_a_roll_over_names_two_certificates() -> None:
    assert len(parsed(content=a_certificate() + a_certificate()).certificates) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entity_id": ""}, "needs entity_id"),
        ({"colour": "red"}, "does not know colour"),
        ({"field": "email"}, "compares with one of external_id, upn, personnel_number"),
        ({"sso_url": "http://idp.example.com"}, "https://"),
        ({"subject": "email"}, "name-id or subject-id"),
        ({"second_factor": "provider"}, "needs authn_contexts"),
        ({"authn_contexts": ["urn:two"]}, "needs authn_contexts where second_factor is provider"),
        ({"second_factor": "provider", "authn_contexts": ["a b"]}, "without spaces"),
        ({"roles": {"Admins": "emperor"}}, "emperor"),
        ({"content": b""}, "without certificates"),
        ({"content": b"-----BEGIN CERTIFICATE-----\n"}, "without certificates"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        parsed(**changes)


def test_no_two_providers_have_one_id(tmp_path: Path) -> None:
    (tmp_path / "idp.pem").write_bytes(a_certificate())
    given = {"corp": GOOD | {"certificates": str(tmp_path / "idp.pem")}}
    assert sso.saml_providers(given, taken=["other"])["corp"].id == "corp"
    with pytest.raises(ImproperlyConfigured, match="both name corp"):
        sso.saml_providers(given, taken=["corp"])
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        sso.saml_providers({"corp": GOOD | {"certificates": str(tmp_path / "none")}}, taken=[])
