"""The seven steps as a pure function of a request: in every state the right one is present."""

import pytest
from django.utils import timezone

from identity_manager.console.requests.steps import steps_of
from identity_manager.models import DeliveryState, RequestState, SoftwareToken
from tests.tools import cast

DONE, NOW, WAITS, STOPPED, SKIPPED, NEXT = "done", "now", "waits", "stopped", "skipped", "next"

EXPECTED = {
    "requested": [DONE, WAITS, NEXT, NEXT, NEXT, NEXT, NEXT],
    "rejected": [DONE, STOPPED, NEXT, NEXT, NEXT, NEXT, NEXT],
    "awaiting_acceptance": [DONE, SKIPPED, DONE, WAITS, NEXT, NEXT, NEXT],
    "declined": [DONE, SKIPPED, DONE, STOPPED, NEXT, NEXT, NEXT],
    "lapsed": [DONE, SKIPPED, DONE, STOPPED, NEXT, NEXT, NEXT],
    "issuing": [DONE, SKIPPED, DONE, DONE, NOW, NEXT, NEXT],
    "failed": [DONE, SKIPPED, DONE, DONE, STOPPED, NEXT, NEXT],
    "issued": [DONE, SKIPPED, DONE, DONE, DONE, WAITS, NOW],
    "completed": [DONE, SKIPPED, DONE, DONE, DONE, DONE, DONE],
    "cancelled": [DONE, SKIPPED, DONE, DONE, STOPPED, NEXT, NEXT],
}
RESTS_NOWHERE = {"approved"}  # passed through within one transaction


def test_every_state_is_expected_here() -> None:
    assert set(EXPECTED) | RESTS_NOWHERE == {state.value for state in RequestState}


@pytest.mark.parametrize("state", EXPECTED)
def test_the_present_step_is_marked(company: cast.Company, state: str) -> None:
    steps = steps_of(company.request_in(state))

    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6, 7]
    assert [str(step.state) for step in steps] == EXPECTED[state]


def test_who_and_when_are_named(company: cast.Company) -> None:
    request = cast.approved(company.paul, company.request_in("requested"))

    asked, approved, invited, terms = steps_of(request)[:4]

    assert (asked.who, asked.at) == ("Ada Berg", request.created_at)
    assert (approved.who, approved.at) == ("Paul Weber", request.decided_at)
    assert invited.who == "uma@example.com"
    assert (terms.who, terms.at) == ("Uma Lindqvist", None)


def test_a_request_cancelled_before_its_approval_stops_there(company: cast.Company) -> None:
    request = company.request_in("requested")
    request.cancel(reason="x", now=timezone.now())

    assert [str(step.state) for step in steps_of(request)][:3] == [DONE, STOPPED, NEXT]


def test_mail_that_came_back_stops_the_delivery_only(company: cast.Company) -> None:
    request = company.request_in("issued")
    SoftwareToken.objects.filter(request=request).update(delivery=DeliveryState.BOUNCED)

    steps = steps_of(request)

    assert [str(step.state) for step in steps[5:]] == [WAITS, STOPPED]


def test_a_passphrase_that_nobody_noted_stops_its_step(company: cast.Company) -> None:
    request = cast.delivered(company.request_in("issued"))
    token = request.tokens.get()
    token.lapse(reason="not noted in time", now=timezone.now())
    token.save()

    steps = steps_of(request)

    assert [str(step.state) for step in steps[5:]] == [STOPPED, DONE]
