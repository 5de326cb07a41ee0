"""A request is of the kind that its door says: no module on the road has to know a new kind."""

from dataclasses import replace

import pytest

from identity_manager.models import Person, RequestKind, RequestOrigin, TokenRequest
from identity_manager.workflow import snapshot
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import opening, resubmission, suspension
from tests.tools import cast

pytestmark = pytest.mark.django_db


def enter(company: cast.Company, *kinds: RequestKind) -> TokenRequest:
    """A door whose choices are of these kinds, one type for each."""
    offered = [each for each in eligibility.type_choices(company.uma) if each.available]
    choices = [replace(choice, kind=kind) for choice, kind in zip(offered, kinds, strict=False)]
    assert len(choices) == len(kinds)
    asking = opening.Origin(company.ada, company.uma, RequestOrigin.ADMINISTRATOR)
    return opening.open_request(asking, choices=choices)


def kinds_of(request: TokenRequest) -> set[str]:
    return {token.kind for token in request.lines}


def test_request_and_lines_are_of_the_kind_of_the_choices(company: cast.Company) -> None:
    request = enter(company, RequestKind.REPLACEMENT)
    assert (request.kind, kinds_of(request)) == (RequestKind.REPLACEMENT, {RequestKind.REPLACEMENT})


def test_lines_of_several_kinds_make_an_initial_request(company: cast.Company) -> None:
    request = enter(company, RequestKind.REPLACEMENT, RequestKind.INITIAL)
    assert request.kind == RequestKind.INITIAL
    assert kinds_of(request) == {RequestKind.REPLACEMENT, RequestKind.INITIAL}


def test_another_round_is_of_the_same_kind(company: cast.Company) -> None:
    request = enter(company, RequestKind.REPLACEMENT)
    Person.objects.filter(pk=company.uma.pk).update(display_name="Uma Berg")
    suspension.check(request_id=request.pk)
    changes = snapshot.fingerprint(snapshot.differences(TokenRequest.objects.get(pk=request.pk).lines))
    resubmission.resubmit(actor=company.ada, request_id=request.pk, changes_hash=changes)
    assert kinds_of(TokenRequest.objects.get(pk=request.pk)) == {RequestKind.REPLACEMENT}
