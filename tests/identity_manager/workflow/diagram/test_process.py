"""The way that a request has gone, read from what the audit log says of it."""

from itertools import pairwise

import pytest

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, RequestState, TokenRequest
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.issuance import retry
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def way_of(request: TokenRequest) -> list[str]:
    events = AuditEvent.objects.filter(request=request).order_by("pk").values_list("name", flat=True)
    gone = state_graph.way_gone(events)
    for one, other in pairwise(gone):
        assert one.target == other.source
    assert (gone[-1].target if gone else state_graph.FIRST) == request.state
    return [change.name for change in gone]


@pytest.mark.parametrize("state", sorted(set(RequestState) - {RequestState.APPROVED}))
def test_it_ends_where_the_request_is(company: Company, state: str) -> None:
    way_of(company.request_in(state))


def test_it_names_each_transition(company: Company) -> None:
    assert way_of(company.request_in("completed")) == ["approve", "invite", "accept", "issue", "complete"]


def test_a_detour_is_on_it(company: Company) -> None:
    request = company.request_in("failed")
    retry.retry(actor=company.ada, request_id=request.pk)
    request = cast.issued(TokenRequest.objects.get(pk=request.pk))

    assert way_of(request) == ["approve", "invite", "accept", "fail", "retry", "issue"]


def test_two_approvals_are_one_step_of_it(company: Company) -> None:
    two = cast.token_type("two", approval="always", approvers_needed=2)
    request = cast.approved(company.paul, cast.enabled(company.ada, company.uma, two))
    assert way_of(request) == []

    assert way_of(cast.approved(company.petra, request)) == ["approve", "invite"]


def test_what_leads_nowhere_from_there_is_left_out() -> None:
    """A retry of what only waited; and a log whose beginning is gone."""
    assert state_graph.way_gone([Event.REQUEST_RETRIED, Event.REQUEST_COMPLETED]) == []
