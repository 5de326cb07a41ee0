"""What every test may use. The settings under test are tests/settings.py."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from ca_bridge import registry
from identity_manager.management.embedded import Broker, server_executable
from identity_manager.management.preparation import compile_catalogues

pytest_plugins = ["tests.programs"]


@pytest.fixture(scope="session", autouse=True)
def _catalogues() -> None:
    """The German of the pages, compiled."""
    compile_catalogues()


@pytest.fixture(scope="session", autouse=True)
def _embedded_ca() -> None:
    """The keys and certificates of the embedded CA; its rows are each test's own."""
    registry.connector("corporate").initialise()


@pytest.fixture
def postgresql_only() -> None:
    """For what only PostgreSQL has; `make test` runs the tests marked `database` there."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")


@pytest.fixture
def sqlite_only() -> None:
    """For what only SQLite has."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; the test that takes this is marked needs_program("chromium")."""
    path = shutil.which("chromium")
    assert path is not None, "mark the test: needs_program('chromium')"
    return path


@pytest.fixture
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private broker for one test, as `make run` starts it."""
    with tempfile.TemporaryDirectory(prefix="im-") as short:
        broker = Broker(server_executable(), tmp_path_factory.mktemp("broker"), Path(short) / "b.sock")
        process = subprocess.Popen(broker.program().arguments)
        try:
            deadline = time.monotonic() + 10
            while not broker.answers():
                assert time.monotonic() < deadline, "the broker did not start"
                time.sleep(0.05)
            yield broker.url
        finally:
            process.terminate()
            process.wait(timeout=10)
