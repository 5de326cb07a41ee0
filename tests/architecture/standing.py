"""The world of the addresses, for as long as a module of tests looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.conftest import PROVIDER, taken_back
from tests.architecture.url_world import World


@contextmanager
def standing(blocker: Any, mailbox: Path) -> Iterator[World]:
    """Built once, inside a transaction that is taken back in the end."""
    with pytest.MonkeyPatch.context() as patch, blocker.unblock(), taken_back():
        patch.setattr("django.conf.settings.MAILBOX_DIR", mailbox)
        patch.setattr("django.conf.settings.SSO_PROVIDERS", {"corp": PROVIDER})
        yield World()
