"""What the setting SSO_PROVIDERS may say; what is wrong is said in a sentence, never with the secret."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import sso
from identity_manager.models import Role
from identity_manager.people.sign_in import sso_provider

pytestmark = pytest.mark.long

GOOD = {
    "name": "Example",
    "server_url": "https://login.example.com/realms/staff/",
    "client_id": "identity-manager",
    "claim": "employee_number",
    "field": "personnel_number",
}


def parsed(**changes: Any) -> sso_provider.SsoProvider:
    return sso_provider.parse("corp", GOOD | changes, secret="hush hush", roles=sso.ROLES)


def test_what_is_left_out_has_a_default() -> None:
    provider = parsed()
    assert provider.scopes == ("openid", "profile", "email")
    assert provider.server_url == "https://login.example.com/realms/staff"
    assert provider.authorization_origin == "https://login.example.com"
    assert not provider.asks_second_factor
    assert provider.sign_out == "provider"
    assert (provider.acr_values, provider.amr_values) == ((), ("mfa",))
    assert parsed(second_factor="provider", acr_values=["two"]).amr_values == ()


def test_the_roles_are_those_of_the_models() -> None:
    assert set(Role.values) == sso.ROLES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "needs name"),
        ({"client_id": 7}, "needs client_id"),
        ({"colour": "red"}, "does not know colour"),
        ({"field": "display_name"}, "compares with one of"),
        ({"server_url": "http://login.example.com"}, "https://"),
        ({"roles": {"Admins": "emperor"}}, "emperor"),
        ({"roles": ["Admins"]}, "roles"),
        ({"second_factor": "perhaps"}, "provider or here"),
        ({"second_factor": "provider", "acr_values": "two"}, "list of words"),
        ({"second_factor": "provider", "amr_values": ["two words"]}, "without spaces"),
        ({"amr_values": ["mfa"]}, "only where second_factor is provider"),
        ({"sign_out": "perhaps"}, "here, provider, provider-with-token"),
        ({"sign_out": ["here"]}, "here, provider, provider-with-token"),
        ({"scopes": ["email"]}, "openid"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        parsed(**changes)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "ä/ö", "a.b"])
def test_an_id_is_part_of_an_address(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="letters, digits"):
        sso_provider.parse(name, GOOD, secret="", roles=sso.ROLES)


def test_the_secret_comes_from_a_setting_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("SSO_SECRET_CORP_LOGIN_FILE", str(tmp_path / "secret"))
    assert sso.providers({"corp-login": GOOD})["corp-login"].secret == "from a file"
