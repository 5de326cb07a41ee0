"""Delivered tokens for the programs that people have. What is made once serves every test of the run."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.interop import matrix as documents
from tests.interop import tokens
from tests.interop.matrix import Matrix
from tests.interop.tokens import DeliveredToken
from tests.tools import cast

Deliver = Callable[..., DeliveredToken]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The database is set up only where a test of the run is marked with it: who takes a token needs it."""
    for item in items:
        if "deliver" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="module", autouse=True)
def _as_delivered(containers_as_delivered: None) -> None:
    """Programs open what persons get."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; the test that takes this is marked needs_program("chromium")."""
    path = shutil.which("chromium")
    assert path is not None, "mark the test: needs_program('chromium')"
    return path


@pytest.fixture(scope="session")
def deliver(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Deliver:
    """deliver(kind, algorithm, person, **fields of the person): the token that this person has got.

    The kinds are those of the demo (tokens.KINDS), the algorithms tokens.ALGORITHMS. The second call with the
    same arguments returns the same token.
    """
    made: dict[Any, dict[str, DeliveredToken]] = {}

    def get(
        kind: str = "smime", algorithm: str = "ec-p256", person: str = "uma", **fields: str
    ) -> DeliveredToken:
        key = (algorithm, person, *sorted(fields.items()))
        if kind not in made.setdefault(key, {}):
            with django_db_blocker.unblock(), tokens.undone():
                made[key] |= tokens.deliver((kind,), algorithm, cast.person(person, **fields))
        return made[key][kind]

    return get


@pytest.fixture(scope="session")
def matrix() -> Iterator[Matrix]:
    """docs/reference/interoperability.md, to be held or written."""
    found = Matrix()
    yield found
    if documents.WRITES:
        found.write()
