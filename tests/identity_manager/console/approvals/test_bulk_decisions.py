"""Several requests decided at once: each by what its row showed, and what could not be is named."""

import re
import uuid
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.console.approvals import bulk_decisions
from identity_manager.models import (
    Approval,
    ApprovalPolicy,
    BatchLine,
    BatchOrder,
    BatchSource,
    BatchState,
    LineOutcome,
    OutgoingMail,
    Person,
    Role,
    TokenRequest,
)
from identity_manager.workflow import step2_approve
from identity_manager.workflow.policy import approvers, eligibility
from tests.identity_manager.console.visitors import officer, signed_in
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]
PAGE, REJECT = reverse("console:decisions"), reverse("console:decisions-reject")
BOX = re.compile(r'<input type="checkbox"[^>]* name="requests" value="([^"]+)"[^>]*>')


@pytest.fixture
def waiting(company: cast.Company) -> list[TokenRequest]:
    """Ada has asked for sam, uma and a third one; each needs an approver."""
    persons = [company.sam, company.uma, cast.person("third", sid="")]
    return [cast.enabled(company.ada, person, company.signature) for person in persons]


def seen(*requests: TokenRequest) -> list[str]:
    return [f"{request.pk}:{request.snapshot_hash}" for request in requests]


def states(requests: list[TokenRequest]) -> list[str]:
    return [TokenRequest.objects.get(pk=request.pk).state for request in requests]


def test_those_that_are_ticked_are_approved(paul: Client, waiting: list[TokenRequest]) -> None:
    assert PAGE in paul.get(reverse("console:approvals")).text
    page = paul.get(PAGE)
    assert BOX.findall(page.text) == seen(*waiting), "each with the hash of what its row shows"

    response = paul.post(PAGE, {"requests": seen(waiting[0], waiting[2])}, follow=True)

    assert "You approved 2 requests." in response.text
    assert states(waiting) == ["awaiting_acceptance", "requested", "awaiting_acceptance"]
    assert BOX.findall(response.text) == seen(waiting[1])
    assert set(Approval.objects.values_list("snapshot_hash", flat=True)) == {
        waiting[0].snapshot_hash,
        waiting[2].snapshot_hash,
    }


def test_what_has_changed_since_it_was_shown_is_left_out_and_named(
    paul: Client, waiting: list[TokenRequest]
) -> None:
    TokenRequest.objects.filter(pk=waiting[1].pk).update(snapshot_hash="0" * 64)

    response = paul.post(PAGE, {"requests": seen(*waiting)}, follow=True)

    assert states(waiting) == ["awaiting_acceptance", "requested", "awaiting_acceptance"]
    named = f"{waiting[1].person.display_name}: {eligibility.ANOTHER_SNAPSHOT}"
    assert named in unescape(response.text)


def test_four_eyes_hold_for_each_of_them(company: cast.Company, waiting: list[TokenRequest]) -> None:
    TokenRequest.objects.filter(pk=waiting[0].pk).update(requested_by=company.paul)
    TokenRequest.objects.filter(pk=waiting[1].pk).update(person=company.paul)
    paul = signed_in(company.paul)
    assert BOX.findall(paul.get(PAGE).text) == seen(waiting[2])

    response = paul.post(PAGE, {"requests": seen(*waiting)}, follow=True)

    assert states(waiting) == ["requested", "requested", "awaiting_acceptance"]
    assert str(approvers.OWN_REQUEST) in unescape(response.text)
    assert str(approvers.OWN_TOKEN) in unescape(response.text)


def test_requests_of_other_units_are_neither_decided_nor_named(
    company: cast.Company, waiting: list[TokenRequest]
) -> None:
    elsewhere = signed_in(officer("bea", Role.APPROVER, unit="Süd"))
    assert BOX.findall(elsewhere.get(PAGE).text) == []

    assert waiting[0].person.display_name not in elsewhere.post(PAGE, {"requests": seen(*waiting)}).text
    assert states(waiting) == ["requested"] * 3


def test_of_some_that_are_out_of_reach_the_number_is_told(
    company: cast.Company, waiting: list[TokenRequest]
) -> None:
    Person.objects.filter(pk=waiting[0].person_id).update(organisational_unit="Süd")
    nord = Person.objects.get(pk=waiting[1].person_id).organisational_unit
    ann = signed_in(officer("ann", Role.APPROVER, unit=nord))

    response = ann.post(PAGE, {"requests": seen(*waiting)}, follow=True)

    assert "You approved 2 requests." in response.text
    assert "1 more is not decided." in response.text
    assert waiting[0].person.display_name not in response.text


def test_only_approvers_have_the_page(company: cast.Company) -> None:
    ada = signed_in(company.ada)

    assert [ada.get(PAGE).status_code, ada.post(PAGE).status_code, ada.post(REJECT).status_code] == [403] * 3


@pytest.mark.parametrize("address", [PAGE, REJECT])
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], bulk_decisions.NOTHING_CHOSEN),
        (["nonsense"], step2_approve.NOT_WAITING),
        ([f"{'-' * 36}:{'0' * 64}"], step2_approve.NOT_WAITING),
        ([f"{'a' * 36}:{'0' * 64}"], step2_approve.NOT_WAITING),
        ([f"{uuid.UUID(int=1)}:{'0' * 64}"], step2_approve.NOT_WAITING),
    ],
    ids=["nothing ticked", "nonsense", "no id", "no id either", "an id of nothing"],
)
def test_what_is_no_choice_is_refused_on_the_page(
    paul: Client, waiting: list[TokenRequest], address: str, sent: list[str], said: object
) -> None:
    response = paul.post(address, {"requests": sent})

    assert response.status_code == 422
    assert unescape(response.text).count(str(said)) == 1
    assert BOX.findall(response.text) == seen(*waiting)
    assert f'href="{PAGE}?ticked"' in response.text, "the list may stand at the address of the rejection"


def test_those_that_are_ticked_are_rejected_once_it_is_said_why(
    paul: Client, waiting: list[TokenRequest]
) -> None:
    chosen = seen(waiting[0], waiting[2])
    question = paul.post(REJECT, {"requests": chosen})
    assert (question.status_code, states(waiting)) == (200, ["requested"] * 3)
    assert "Reject 2 requests?" in question.text
    assert [value in question.text for value in chosen] == [True, True]

    without = paul.post(REJECT, {"requests": chosen, "reason": " "})
    assert (without.status_code, states(waiting)) == (422, ["requested"] * 3)
    assert str(step2_approve.NO_REASON) in unescape(without.text)

    response = paul.post(REJECT, {"requests": chosen, "reason": "Not this year"}, follow=True)

    assert "You rejected 2 requests." in response.text
    assert states(waiting) == ["rejected", "requested", "rejected"]
    assert TokenRequest.objects.get(pk=waiting[0].pk).reason == "Not this year"


def test_the_page_of_one_batch_order_shows_what_it_asked_for(
    company: cast.Company, paul: Client, waiting: list[TokenRequest]
) -> None:
    order = BatchOrder.objects.create(
        asked_by=company.ada, state=BatchState.FINISHED, source=BatchSource.FILE, total=1
    )
    BatchLine.objects.create(
        order=order, position=1, person=waiting[1].person, outcome=LineOutcome.ENABLED, request=waiting[1]
    )
    address = reverse("console:decisions-of-order", args=[order.pk])
    page = paul.get(address)

    assert BOX.findall(page.text) == seen(waiting[1])
    assert order.reference in page.text
    assert paul.post(address, {"requests": seen(waiting[1])}).headers["Location"] == address
    question = paul.post(f"{REJECT}?order={order.pk}", {"requests": seen(waiting[0])})
    assert address in question.text, "where Go back leads"


def test_whoever_may_read_nothing_of_an_order_does_not_learn_whose_it_is(
    company: cast.Company, waiting: list[TokenRequest]
) -> None:
    order = BatchOrder.objects.create(
        asked_by=company.ada, state=BatchState.FINISHED, source=BatchSource.FILE, total=1
    )
    BatchLine.objects.create(
        order=order, position=1, person=waiting[1].person, outcome=LineOutcome.ENABLED, request=waiting[1]
    )
    bea = signed_in(officer("bea", Role.APPROVER, unit="Süd"))

    page = bea.get(reverse("console:decisions-of-order", args=[order.pk])).text

    assert order.reference not in page
    assert company.ada.display_name not in page


def test_an_approval_that_needs_another_one_is_told_as_the_approvers_own(
    company: cast.Company, paul: Client
) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)

    response = paul.post(PAGE, {"requests": seen(request)}, follow=True)

    assert "You approved 1 request." in response.text
    assert states([request]) == ["requested"]


def test_of_an_order_that_is_none_everything_is_shown(paul: Client, waiting: list[TokenRequest]) -> None:
    gone = reverse("console:decisions-of-order", args=[uuid.uuid4()])

    assert BOX.findall(paul.get(gone).text) == seen(*waiting)
    question = paul.post(f"{REJECT}?order=nonsense", {"requests": seen(*waiting)})
    assert f'href="{PAGE}"' in question.text


def test_a_page_has_a_bound_and_says_so(
    paul: Client, waiting: list[TokenRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_decisions, "AT_ONCE", 2)
    page = paul.get(PAGE)

    assert BOX.findall(page.text) == seen(*waiting[:2])
    assert "The oldest 2 are shown" in page.text
    paul.post(PAGE, {"requests": seen(*waiting)})
    assert states(waiting).count("awaiting_acceptance") == 2, "not even by hand more"


def test_without_scripts_a_link_ticks_all(paul: Client, waiting: list[TokenRequest]) -> None:
    assert "checked" not in paul.get(PAGE).text.split("<table>")[1]

    ticked = paul.get(f"{PAGE}?ticked").text

    assert len(re.findall(r'name="requests"[^>]* checked>', ticked)) == 3


def test_who_asked_is_told_of_each(paul: Client, waiting: list[TokenRequest]) -> None:
    paul.post(PAGE, {"requests": seen(*waiting)})

    assert OutgoingMail.objects.filter(message="approved").count() == 3
