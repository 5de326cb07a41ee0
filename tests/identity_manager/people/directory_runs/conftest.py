"""A directory in memory, as the source corp."""

from typing import Any

import pytest

from tests.tools import directory
from tests.tools.directory import FakeDirectory


@pytest.fixture
def corp(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeDirectory:
    settings.BREAKER_LEAVING_PERCENT = 100
    settings.BREAKER_EMAILS_PERCENT = 100
    return directory.install(monkeypatch, settings, directory.configured())
