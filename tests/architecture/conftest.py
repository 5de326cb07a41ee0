"""The world of the table of addresses, for the tests that walk it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from identity_manager import sso_provider
from tests.architecture.url_world import World

# Nobody answers there, which the page says.
PROVIDER = sso_provider.parse(
    "corp",
    {
        "name": "Example login",
        "server_url": "http://127.0.0.1:9",
        "client_id": "identity-manager",
        "claim": "sub",
        "field": "upn",
    },
    secret="",
    roles=frozenset(),
)


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    """Built once, inside a transaction that is taken back in the end."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), taken_back():
        patch.setattr("django.conf.settings.MAILBOX_DIR", tmp_path_factory.mktemp("mailbox"))
        patch.setattr("django.conf.settings.SSO_PROVIDERS", {"corp": PROVIDER})
        yield World()


@contextmanager
def taken_back() -> Iterator[None]:
    """A transaction that is rolled back in the end; as those of tests, it may hold durable ones."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)
