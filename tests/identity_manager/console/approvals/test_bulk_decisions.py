"""Several requests decided at once: each by what its row showed, and what could not be is named."""

import re
import uuid
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

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
    Postponement,
    Role,
    TokenRequest,
)
from identity_manager.workflow import step1_enable, step2_approve
from identity_manager.workflow.policy import approvers, eligibility
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
PAGE, REJECT = reverse("console:decisions"), reverse("console:decisions-reject")
POSTPONE, OPEN_TASKS = reverse("console:decisions-postpone"), reverse("console:approvals")
FROM_OPEN_TASKS = f"{PAGE}?from=open-tasks"
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

    response = paul.post(PAGE, {"confirmed": "1", "requests": seen(waiting[0], waiting[2])}, follow=True)

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

    response = paul.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)}, follow=True)

    assert states(waiting) == ["awaiting_acceptance", "requested", "awaiting_acceptance"]
    named = f"{waiting[1].person.display_name}: {eligibility.ANOTHER_SNAPSHOT}"
    assert named in unescape(response.text)


def test_four_eyes_hold_for_each_of_them(company: cast.Company, waiting: list[TokenRequest]) -> None:
    TokenRequest.objects.filter(pk=waiting[0].pk).update(requested_by=company.paul)
    TokenRequest.objects.filter(pk=waiting[1].pk).update(person=company.paul)
    paul = signed_in(company.paul)
    assert BOX.findall(paul.get(PAGE).text) == seen(waiting[2])

    response = paul.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)}, follow=True)

    assert states(waiting) == ["requested", "requested", "awaiting_acceptance"]
    assert str(approvers.OWN_REQUEST) in unescape(response.text)
    assert str(approvers.OWN_TOKEN) in unescape(response.text)


def test_requests_of_other_units_are_neither_decided_nor_named(
    company: cast.Company, waiting: list[TokenRequest]
) -> None:
    elsewhere = signed_in(officer("bea", Role.APPROVER, unit="Süd"))
    assert BOX.findall(elsewhere.get(PAGE).text) == []

    answer = elsewhere.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)})
    assert waiting[0].person.display_name not in answer.text
    assert states(waiting) == ["requested"] * 3


def test_of_some_that_are_out_of_reach_the_number_is_told(
    company: cast.Company, waiting: list[TokenRequest]
) -> None:
    Person.objects.filter(pk=waiting[0].person_id).update(organisational_unit="Süd")
    nord = Person.objects.get(pk=waiting[1].person_id).organisational_unit
    ann = signed_in(officer("ann", Role.APPROVER, unit=nord))

    response = ann.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)}, follow=True)

    assert "You approved 2 requests." in response.text
    assert "1 more is not decided." in response.text
    assert waiting[0].person.display_name not in response.text


def test_only_approvers_have_the_page(company: cast.Company) -> None:
    ada = signed_in(company.ada)

    assert [ada.get(PAGE).status_code, ada.post(PAGE).status_code, ada.post(REJECT).status_code] == [403] * 3


@pytest.mark.parametrize("address", [PAGE, REJECT, POSTPONE])
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
    for row in (waiting[0], waiting[2]):
        assert f"<h2><bdi>{row.person}</bdi></h2>" in question.text

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

    response = paul.post(PAGE, {"confirmed": "1", "requests": seen(request)}, follow=True)

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
    paul.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)})
    assert states(waiting).count("awaiting_acceptance") == 2, "not even by hand more"


def test_without_scripts_a_link_ticks_all(paul: Client, waiting: list[TokenRequest]) -> None:
    assert "checked" not in paul.get(PAGE).text.split("<table>")[1]

    ticked = paul.get(f"{PAGE}?ticked").text

    assert len(re.findall(r'name="requests"[^>]* checked>', ticked)) == 3


def test_who_asked_is_told_of_each(paul: Client, waiting: list[TokenRequest]) -> None:
    paul.post(PAGE, {"confirmed": "1", "requests": seen(*waiting)})

    assert OutgoingMail.objects.filter(message="approved").count() == 3


def test_many_are_asked_about_once_and_one_is_not(paul: Client, waiting: list[TokenRequest]) -> None:
    question = paul.post(PAGE, {"requests": seen(*waiting[:2])})
    assert (question.status_code, states(waiting)) == (200, ["requested"] * 3)
    assert "Approve 2 requests?" in question.text
    assert waiting[0].person.email in question.text, "what is signed stands there"

    paul.post(PAGE, {"requests": seen(*waiting[:2]), "confirmed": "True"})
    paul.post(PAGE, {"requests": seen(waiting[2])})

    assert states(waiting) == ["awaiting_acceptance"] * 3


def test_they_are_ticked_where_the_rows_are(paul: Client, waiting: list[TokenRequest]) -> None:
    """The list of OPEN TASKS does not show what is signed, so that even a single one is asked about."""
    page = paul.get(OPEN_TASKS)
    assert BOX.findall(page.text) == seen(*waiting)
    assert FROM_OPEN_TASKS in page.text

    question = paul.post(FROM_OPEN_TASKS, {"requests": seen(waiting[0])})
    assert (question.status_code, states(waiting)[0]) == (200, "requested")
    assert "Approve 1 request?" in question.text

    response = paul.post(FROM_OPEN_TASKS, {"requests": seen(waiting[0]), "confirmed": "True"})
    assert (response.status_code, response.headers["Location"]) == (302, OPEN_TASKS)
    assert states(waiting)[0] == "awaiting_acceptance"


def test_what_changes_while_it_is_asked_about_is_left_out_and_named(
    paul: Client, waiting: list[TokenRequest]
) -> None:
    """The question carries what the list showed, not what stands there by now."""
    TokenRequest.objects.filter(pk=waiting[0].pk).update(snapshot_hash="0" * 64)
    question = paul.post(PAGE, {"requests": seen(*waiting)})
    carried = re.findall(r'name="requests" value="([^"]+)"', question.text)
    assert sorted(carried) == sorted(seen(*waiting))

    response = paul.post(PAGE, {"requests": carried, "confirmed": "True"}, follow=True)

    assert states(waiting) == ["requested", "awaiting_acceptance", "awaiting_acceptance"]
    assert str(eligibility.ANOTHER_SNAPSHOT) in unescape(response.text)


@pytest.mark.parametrize(
    ("when", "until"), [("tomorrow", "2027-03-04"), ("monday", "2027-03-08"), ("week", "2027-03-10")]
)
def test_they_are_postponed_to_a_morning_for_this_approver_alone(
    company: cast.Company, waiting: list[TokenRequest], when: str, until: str
) -> None:
    with time_machine.travel("2027-03-03 15:00+00:00", tick=False):  # a Wednesday
        paul, petra = signed_in(company.paul), signed_in(company.petra)
        TokenRequest.objects.update(created_at=timezone.now())
        question = paul.post(POSTPONE, {"requests": seen(*waiting[:2])})
        assert (question.status_code, Postponement.objects.count()) == (200, 0)

        response = paul.post(POSTPONE, {"requests": seen(*waiting[:2]), "when": when}, follow=True)

        assert "You postponed 2 requests." in response.text
        assert BOX.findall(response.text) == seen(waiting[2])
        assert set(BOX.findall(petra.get(PAGE).text)) == set(seen(*waiting))
        assert set(BOX.findall(paul.get(f"{PAGE}?postponed").text)) == set(seen(*waiting[:2]))
    moments = {timezone.localtime(row.until) for row in Postponement.objects.all()}
    assert {(f"{moment:%Y-%m-%d}", moment.hour) for moment in moments} == {(until, 8)}


def test_a_time_of_nobody_s_choice_postpones_nothing(paul: Client, waiting: list[TokenRequest]) -> None:
    response = paul.post(POSTPONE, {"requests": seen(*waiting), "when": "never"})

    assert response.status_code == 422
    assert not Postponement.objects.exists()


def test_four_eyes_hold_for_what_is_postponed(company: cast.Company, waiting: list[TokenRequest]) -> None:
    TokenRequest.objects.filter(pk=waiting[0].pk).update(requested_by=company.paul)

    response = signed_in(company.paul).post(
        POSTPONE, {"requests": seen(*waiting), "when": "tomorrow"}, follow=True
    )

    assert str(approvers.OWN_REQUEST) in unescape(response.text)
    assert {row.request_id for row in Postponement.objects.all()} == {row.pk for row in waiting[1:]}


def test_what_is_wanted_for_stands_first(company: cast.Company) -> None:
    request = step1_enable.enable(
        actor=company.ada,
        person_id=company.uma.pk,
        type_ids=[company.signature.pk],
        purpose="Signs <offers> of the sales team",
    )
    paul = signed_in(company.paul)
    shown = "Signs &lt;offers&gt; of the sales team"

    assert shown in paul.get(OPEN_TASKS).text
    page = paul.get(reverse("console:request", args=[request.pk])).text
    assert page.index(shown) < page.index("The seven steps")
    bulk = paul.get(PAGE).text
    assert bulk.index(shown) < bulk.index("What the certificates for")
    question = paul.post(FROM_OPEN_TASKS, {"requests": seen(request)}).text
    assert question.index(shown) < question.index("What the certificates for")
    mail = OutgoingMail.objects.filter(message="approval_needed", person=company.paul).get()
    assert "Signs <offers> of the sales team" in mail.body_text
    assert mail.body_text.index("Signs") < mail.body_text.index("has asked for")
    assert shown in mail.body_html
    assert "Signs" not in mail.subject
