"""What every test may use. The settings under test are tests/settings.py."""

import functools
import gc
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import uuid6
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.core.cache import caches
from django.db import connection
from django.db.models.signals import post_migrate
from django.test import override_settings
from django.utils import translation

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import authority, key_store
from ca_bridge.pkcs12 import writer
from identity_manager.config import settings as product
from identity_manager.config.runtime import garbage_collection
from identity_manager.mail.company_texts.source import IN_FORCE
from identity_manager.management.embedded import server_executable
from identity_manager.management.preparation import compile_catalogues
from identity_manager.models import Looks
from identity_manager.queries import looks
from identity_manager.workflow.issuance import finished_here
from tests.architecture.standing import taken_back
from tests.tools import cast
from tests.tools.broker import running_broker

pytest_plugins = [
    "tests.tools.choosing",
    "tests.tools.programs",
    "tests.tools.migrated",
    "tests.tools.divided",
    "tests.tools.emptying",
    "tests.tools.scheduling",
]

COMPATIBLE_ITERATIONS = writer.COMPATIBLE_ITERATIONS
ANALYZED = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"


def pytest_configure() -> None:
    """Compile the German before modules are collected: some read it then, and Django reads it once."""
    compile_catalogues()


@pytest.fixture(scope="session", autouse=True)
def _no_permissions_of_django() -> None:
    """Each test that commits ends with all tables emptied; Django would fill two anew that nobody reads."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="session", autouse=True)
def _embedded_ca() -> None:
    """The keys and certificates of the embedded CA; its rows are each test's own."""
    authority.initialise(registry.connector("corporate").options)


@pytest.fixture(scope="session", autouse=True)
def _keys_of_cas_without_prime_checks() -> Iterator[None]:
    """Loading a private key tests its primes, for 0.03 to 0.2 s; these keys were made by the tests."""
    load = functools.partial(serialization.load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_store, "load_pem_private_key", functools.cache(load))
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_containers() -> Iterator[None]:
    """Those for old clients, too, have the iterations of tests/settings.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "COMPATIBLE_ITERATIONS", settings.CONTAINER_STANDARD_ITERATIONS)
        yield


@pytest.fixture(scope="module")
def containers_as_delivered() -> Iterator[None]:
    """With the iterations of the product."""
    with (
        override_settings(CONTAINER_STANDARD_ITERATIONS=product.CONTAINER_STANDARD_ITERATIONS),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(writer, "COMPATIBLE_ITERATIONS", COMPATIBLE_ITERATIONS)
        yield


@pytest.fixture(autouse=True)
def _language_of_the_installation() -> Iterator[None]:
    """A visit leaves its language behind, as in a thread that serves the next one: no test begins with it."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _our_own_looks() -> None:
    """Each process reads the looks once a minute: no test sees those of another one, nor pays for a query."""
    caches[looks.CACHE].set(looks.KEY, Looks(number=0), looks.SECONDS)


@pytest.fixture(autouse=True)
def _no_mail_texts_of_others() -> None:
    """Texts in force are known to a process for a while: those of the last test are not those of this one."""
    IN_FORCE.remember({})


@pytest.fixture(autouse=True)
def _nothing_finished_by_others() -> None:
    """What the last test finished and took back is to be issued again in this one."""
    finished_here._finished.clear()


@pytest.fixture(autouse=True)
def _identifiers_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is less than the last one: who moves the clock on would move it on for all later tests."""
    monkeypatch.setattr(uuid6, "_last_v7_timestamp", None)


@pytest.fixture(autouse=True)
def _no_statistics_of_others() -> Iterator[None]:
    """SQLite's planner scans tables that it knows to be small, as those of the last test were.

    Emptying the tables leaves what ANALYZE wrote, and a rollback what the connection has loaded of it.
    Both are taken away before that.
    """
    yield
    opened = connection.connection
    if connection.vendor == "sqlite" and opened is not None and opened.execute(ANALYZED).fetchone():
        opened.execute("DELETE FROM sqlite_stat1")
        opened.execute("ANALYZE sqlite_schema")  # which loads them: none


@pytest.fixture(scope="module")
def standing_company(django_db_setup: None, django_db_blocker: Any) -> Iterator[cast.Company]:
    """Built once for a module, none of whose tests commits, and taken back in the end."""
    with django_db_blocker.unblock(), taken_back():
        yield cast.Company()


@pytest.fixture
def postgresql_only() -> None:
    """For what only PostgreSQL has; elsewhere the test is not collected."""


@pytest.fixture
def sqlite_only() -> None:
    """For what only SQLite has; elsewhere the test is not collected."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the other engine alone has is no test of this run, so it is deselected, not skipped."""
    foreign = {"sqlite": "postgresql_only", "postgresql": "sqlite_only"}[connection.vendor]
    other = [item for item in items if foreign in getattr(item, "fixturenames", ())]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(other)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """A million objects, hardly any garbage, that stay to the end: nobody need go through them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        garbage_collection.freeze_loaded_objects()


@pytest.fixture
def broker_url() -> Iterator[str]:
    """The address of a private broker for one test."""
    with running_broker(server_executable()) as broker:
        yield broker.url
