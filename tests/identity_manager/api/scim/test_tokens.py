"""Who holds a bearer token says who exists: two officers make one, and nothing else opens the address."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import (
    Account,
    AuditEvent,
    DirectorySource,
    Role,
    ScimToken,
)
from identity_manager.people.api_access import scim_tokens
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from tests.identity_manager.api.scim.conftest import ScimClient
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def status(secret: str, source: str = "entra") -> int:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return int(Client().get(f"/scim/{source}/v2/Users", headers=headers).status_code)


def test_a_token_opens_nothing_before_another_officer_confirms_it(source: DirectorySource) -> None:
    first = cast.person("first", roles=(Role.SYSTEM_ADMINISTRATOR,))
    token, secret = scim_tokens.make(actor=first, source="entra", name="Entra", days=30)
    assert status(secret) == 401
    with pytest.raises(NotAllowed) as refused:
        scim_tokens.confirm(actor=first, token_id=token.pk)
    assert refused.value.reason == scim_tokens.OWN_SCIM_TOKEN
    other = cast.person("other", roles=(Role.REGISTRATION_OFFICER,))
    with pytest.raises(NotAllowed):
        scim_tokens.confirm(actor=other, token_id=token.pk)
    assert status(secret) == 401
    second = cast.person("second", roles=(Role.SYSTEM_ADMINISTRATOR,))
    scim_tokens.confirm(actor=second, token_id=token.pk)
    assert status(secret) == 200
    with pytest.raises(Stale):
        scim_tokens.confirm(actor=second, token_id=token.pk)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"source": "other"}, scim_tokens.NO_SCIM_SOURCE),
        ({"name": "  "}, scim_tokens.NO_TOKEN_NAME),
        ({"days": 0}, scim_tokens.BAD_VALIDITY),
        ({"days": 731}, scim_tokens.BAD_VALIDITY),
    ],
)
def test_what_makes_no_token(source: DirectorySource, given: dict[str, object], reason: object) -> None:
    admin = cast.person("first", roles=(Role.SYSTEM_ADMINISTRATOR,))
    values = {"source": "entra", "name": "Entra", "days": 30, **given}
    with pytest.raises(NotPossible) as refused:
        scim_tokens.make(actor=admin, **values)  # type: ignore[arg-type] # some are wrong by intent
    assert refused.value.reason == reason
    with pytest.raises(NotAllowed):
        scim_tokens.make(actor=cast.person("uma"), source="entra", name="Entra", days=30)


def test_a_token_ends_with_its_time_and_at_once_when_it_is_revoked(token: str) -> None:
    assert status(token) == 200
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert status(token) == 401
    row = ScimToken.objects.get()
    admin = cast.person("third", roles=(Role.SYSTEM_ADMINISTRATOR,))
    scim_tokens.revoke(actor=admin, token_id=row.pk)
    assert status(token) == 401
    with pytest.raises(Stale):
        scim_tokens.revoke(actor=admin, token_id=row.pk)


def test_a_token_that_waits_can_be_taken_back(source: DirectorySource) -> None:
    first = cast.person("first", roles=(Role.SYSTEM_ADMINISTRATOR,))
    row, secret = scim_tokens.make(actor=first, source="entra", name="Entra", days=30)
    scim_tokens.revoke(actor=first, token_id=row.pk)
    second = cast.person("second", roles=(Role.SYSTEM_ADMINISTRATOR,))
    with pytest.raises(Refused):
        scim_tokens.confirm(actor=second, token_id=row.pk)
    assert status(secret) == 401


def test_nothing_else_opens_the_address(token: str) -> None:
    """No token, a wrong one, one of another source, a session of a System Administrator."""
    assert [status(""), status("wrong"), status(token, "other"), status(token + "x")] == [401] * 4
    browser = Client()
    admin = cast.person("root", roles=(Role.SYSTEM_ADMINISTRATOR,))
    browser.force_login(Account.objects.create(person=admin, username="root"))
    answer = browser.get("/scim/entra/v2/Users")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="SCIM"')


def test_the_secret_is_kept_nowhere(token: str) -> None:
    row = ScimToken.objects.get()
    assert token not in str(vars(row))
    events = AuditEvent.objects.filter(
        name__in=[audit.Event.SCIM_CLIENT_MADE, audit.Event.SCIM_CLIENT_CONFIRMED]
    )
    assert events.count() == 2
    assert all(token not in str(vars(event)) for event in events)


def test_the_last_use_is_shown(client: ScimClient) -> None:
    client.read("/Users")
    used = ScimToken.objects.get().last_used_at
    assert used is not None
    client.read("/Users")
    assert ScimToken.objects.get().last_used_at == used, "once in five minutes is enough"
