"""Ways of signing in that nobody could go are refused at the start."""

from pathlib import Path

import pytest
from pytest_django import Settings

from identity_manager.config import checks
from tests.identity_manager.sso.test_provider_settings import parsed


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
