"""Offices: a role is given for a time, used, and over when its last day is."""

from datetime import timedelta

import pytest

from identity_manager.models import RequestState, Role, TokenRequest
from identity_manager.models.people.role import today
from tests.journeys.office import Office, later
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def test_an_approver_for_a_week(office: Office) -> None:
    """While paul and petra are away, nora approves; a week later she does not any more."""
    ulf = office.browser_of(cast.person("ulf", roles=(Role.USER_ADMINISTRATOR,), sid=""))
    nora = cast.person("nora", roles=(), sid="")
    browser = office.browser_of(nora)
    assert browser.open("/").status == 403

    ulf.open(f"/persons/{nora.pk}/roles/")
    ulf.press("Assign", role=Role.APPROVER.value, valid_until=(today() + timedelta(days=6)).isoformat())
    assert "Nora Muster has the role Approver." in ulf.page.text
    cast.token_type("desk", approval="always")
    request = office.enable("DESK")
    office.approve(request, by=browser)
    assert TokenRequest.objects.get().state == RequestState.AWAITING_ACCEPTANCE
    with later(days=7):
        browser = office.visitor()
        browser.sign_in("nora", "correct horse battery staple")
        assert browser.open("/open-tasks/").status == 403
