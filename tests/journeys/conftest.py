"""The office that each journey starts in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.journeys.office import Office, worker


@pytest.fixture
def office(transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[Office]:
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    cache.clear()  # rate limits count what the journey before did
    with worker(at_once=True):
        yield Office()
