"""Ways of signing in that nobody could go are refused at the start."""

from pathlib import Path

import pytest
from pytest_django import Settings

from identity_manager.config import checks
from tests.identity_manager.account.single_sign_on.test_provider_settings import parsed

pytestmark = pytest.mark.long


def codes() -> set[str]:
    return {str(error.id) for error in checks.check_settings()}


def test_single_sign_on_alone_needs_a_provider(settings: Settings) -> None:
    settings.SIGN_IN_METHODS = {"console": ["sso"], "selfservice": ["password"]}
    settings.SSO_PROVIDERS = {}
    assert "deployment.E311" in codes()
    settings.SSO_PROVIDERS = {"corp": parsed()}
    assert "deployment.E311" not in codes()


def test_the_secret_must_stay_unread_by_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("hush")
    path.chmod(0o644)
    settings.SSO_PROVIDERS = {"corp": parsed()}
    monkeypatch.setenv("SSO_SECRET_CORP_FILE", str(path))
    assert "deployment.E304" in codes()
    path.chmod(0o600)
    assert "deployment.E304" not in codes()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"CERTIFICATE_CAS": ()}, "E318"),
        ({"PROXY_ADDRESSES": ["127.0.0.1", "10.0.0.0/8"]}, "E319"),
        ({"PROXY_ADDRESSES": ["10.0.0.0/8"], "CERTIFICATE_PROXY_SECRET": "short"}, "E319"),
        ({"CERTIFICATE_PROXY_SECRET": "short"}, "E319"),
        ({"PROXY_ADDRESSES": ["10.0.0.0/8"], "CERTIFICATE_PROXY_SECRET": "x" * 20}, ""),
        ({"CERTIFICATE_BASE_URL": "https://localhost:8443"}, "E320"),
        ({"EMBEDDED": False, "CERTIFICATE_BASE_URL": "http://certificate.example.org"}, "E321"),
    ],
    ids=str,
)
def test_what_client_certificates_need(settings: Settings, changes: dict[str, object], code: str) -> None:
    settings.CERTIFICATE_BASE_URL = "https://certificate.example.org"
    settings.CERTIFICATE_CAS = (b"a CA",)
    for name, value in changes.items():
        setattr(settings, name, value)
    ours = {"deployment.E318", "deployment.E319", "deployment.E320", "deployment.E321"}
    assert codes() & ours == ({f"deployment.{code}"} if code else set())


@pytest.mark.parametrize("way", ["sso", "saml", "certificate"])
def test_a_way_that_is_not_configured_is_none_alone(settings: Settings, way: str) -> None:
    settings.SIGN_IN_METHODS = {"console": [way], "selfservice": [way, "password"]}
    assert "deployment.E311" in codes()
    settings.SIGN_IN_METHODS = {"console": [way, "passkey"], "selfservice": [way, "password"]}
    assert "deployment.E311" not in codes()
