"""A key service in memory, and rings of files that can be moved to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from identity_manager.config import secret_files
from identity_manager.vault import transit_key
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.transit_key import KeyService
from identity_manager.vault.wrapping import Purpose
from tests.identity_manager.vault import transit_stub
from tests.identity_manager.vault.transit_stub import TOKEN, Service


@pytest.fixture
def service(settings: Any, tmp_path: Path) -> Iterator[Service]:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")
    with transit_stub.running() as (state, address):
        settings.KEY_SERVICE = KeyService(address, str(token))
        yield state
    transit_key._sessions.clear()


@pytest.fixture
def rings(settings: Any, tmp_path: Path) -> dict[str, KeyRing]:
    (tmp_path / "keys").mkdir()
    secret_files.make(tmp_path / "keys")
    settings.VAULT_KEYS = {
        each.value: KeyRing.of_files(tmp_path / "keys" / f"kek-{each.value}") for each in Purpose
    }
    return settings.VAULT_KEYS
