"""ADMIN, Clients of the API: made by one System Administrator, confirmed by another, revoked at once."""

from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import ApiClient, Role
from identity_manager.people import persons, registration_policy
from identity_manager.people.api_access import api_clients
from identity_manager.transactions.refusals import NotAllowed
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.api.v1.conftest import Caller
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
LIST, MAKE = reverse("console:api-clients"), reverse("console:api-client-make")


def listed(browser: Client) -> str:
    return " ".join(browser.get(LIST).content.decode().split())


def test_two_officers_let_a_client_act_and_the_list_says_when_it_last_did() -> None:
    first, second = (
        signed_in(cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,)), 0) for name in ("sven", "sofia")
    )
    wanted = {"name": "HR", "scopes": ["persons:read"], "units": "North\n\n South", "days": 30}
    made = first.post(MAKE, wanted)
    secret = made.context["secret"]
    assert secret in made.content.decode()
    row = ApiClient.objects.get()
    assert (row.units, row.scopes) == (["North", "South"], ["persons:read"])
    assert secret not in listed(first)
    confirm = reverse("console:api-client-confirm", args=[row.pk])
    assert str(api_clients.OWN_CLIENT) in first.post(confirm).content.decode()
    assert confirm in second.get(reverse("console:approvals")).content.decode()
    caller = Caller(row, secret)
    assert caller.get("/persons").status_code == 401
    assert second.post(confirm).status_code == 302

    assert 'data-label="Last used">–<' in listed(second)
    assert caller.get("/persons").status_code == 200
    assert 'data-label="Last used">–<' not in listed(second)
    assert abs(ApiClient.objects.get().last_used_at - timezone.now()).total_seconds() < 60
    assert "Acts" in listed(second)

    assert first.post(reverse("console:api-client-revoke", args=[row.pk])).status_code == 302
    assert caller.get("/persons").status_code == 401
    assert "Revoked" in listed(second)


def test_what_is_wrong_is_told_and_nothing_is_made() -> None:
    browser = signed_in(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)), 0)
    for wrong in (
        {"name": "", "scopes": ["persons:read"], "days": 30},
        {"name": "HR", "scopes": [], "days": 30},
        {"name": "HR", "scopes": ["roles:write"], "days": 30},
        {"name": "HR", "scopes": ["persons:read"], "days": 731},
        {"name": "HR", "scopes": ["persons:read"], "days": 30, "certificate": "no PEM"},
    ):
        assert browser.post(MAKE, wrong).status_code == 422, wrong
    assert not ApiClient.objects.exists()


@pytest.mark.database
def test_a_registration_officer_changes_nothing_of_the_person_of_a_client() -> None:
    first, second = (cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,)) for name in ("sven", "sofia"))
    officer = cast.person("reg", roles=(Role.REGISTRATION_OFFICER,))
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=["persons:read"])
    client, _secret = api_clients.make(actor=first, wanted=wanted)
    for verb in (
        partial(leave_and_return.activate),
        partial(leave_and_return.deactivate, reason="Away."),
        partial(leave_and_return.lock, reason=RevocationReason.UNSPECIFIED),
        partial(persons.edit, version=client.actor.version, values={"surname": "Else"}),
    ):
        with pytest.raises(NotAllowed) as refused:
            verb(actor=officer, person_id=client.actor_id)
        assert refused.value.reason == registration_policy.API_CLIENT
    assert api_clients.confirm(actor=second, client_id=client.pk).actor.is_active
