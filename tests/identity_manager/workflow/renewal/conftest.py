"""The clock set to days before the token that uma has ends, and what becomes of tokens."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
import time_machine

from identity_manager.models import Certificate, Person, SoftwareToken, TokenType
from tests.tools import cast
from tests.tools.cast import Company

At = Callable[[float], AbstractContextManager[object]]


@pytest.fixture
def days_before(token: SoftwareToken) -> At:
    """Set the clock to that many days before the token ends."""

    @contextmanager
    def travel(days: float) -> Iterator[object]:
        end = Certificate.objects.get(token=token).not_after
        assert end is not None
        with time_machine.travel(end - timedelta(days=days)) as traveller:
            yield traveller

    return travel


def successor_of(token: SoftwareToken) -> SoftwareToken:
    """Bring the successor to its end: issued, delivered, noted."""
    renewal = token.renewals.get()
    request = cast.issued(renewal.request)
    cast.delivered(request)
    cast.noted(request.tokens.get())
    return token.renewals.get()


def given(
    company: Company, person: Person, *, actor: Person | None = None, token_type: TokenType | None = None
) -> SoftwareToken:
    """Another active token, of the person."""
    wanted = token_type or cast.token_type("vpn")
    request = cast.issued(cast.accepted(cast.enabled(actor or company.ada, person, wanted)))
    cast.delivered(request)
    return cast.noted(request.tokens.get())
