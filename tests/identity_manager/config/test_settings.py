"""What an operator may set wrongly is refused by the setting's name when the settings are read."""

import runpy
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import settings

FILE = str(Path(settings.__file__))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER_URL", ""),
        ("LANGUAGES", "en,tlh"),
        ("LOG_LEVEL", "loud"),
        ("PKI_BASE_URL", "http://[a"),
        ("RETENTION_AUDIT_DAYS", "1000000"),  # before the calendar begins: each run of the job would fail
        ("RETENTION_MAIL_DAYS", "1000000"),
        ("RETENTION_REQUEST_DAYS", "1000000"),
        ("RETENTION_SIGN_IN_DAYS", "1000000"),
        ("SECRETS_DIR", ""),
        ("STATIC_ROOT", ""),
        ("TIME_ZONE", "Europe/Nowhere"),
        ("VAR_DIR", ""),
    ],
)
def test_a_wrong_value_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as caught:
        runpy.run_path(FILE)
    assert str(caught.value).startswith(f"{name} must ")
