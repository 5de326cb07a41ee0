"""Keys for managed devices, from the sealing to a stub of Intune: once, and as slowly as it wants."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    KeyHolder,
    OutgoingMail,
    PlacementState,
    SoftwareToken,
    Target,
)
from identity_manager.workflow.issuance import containers
from identity_manager.workflow.targets import serving
from tests.tools import graph_stub
from tests.tools.cast import Company, accepted, delivered, enabled, issued, noted
from tests.tools.gateways import leaving_type
from tests.tools.graph_stub import Graph
from tests.tools.sign_in import signed_in
from tests.tools.targets import in_use, placement, serve

pytestmark = pytest.mark.long

P = PlacementState


@pytest.fixture
def graph(tmp_path: Path, settings: Any, company: Company) -> Iterator[Graph]:
    with graph_stub.running() as running:
        running.users = {company.uma.upn: "user-of-uma", company.sam.upn: "user-of-sam"}
        settings.TARGETS = {graph_stub.NAME: running.target(tmp_path)}
        leaving_type(KeyHolder.INTUNE)
        in_use(graph_stub.NAME)
        yield running


def token_of(company: Company, name: str = "uma") -> SoftwareToken:
    request = enabled(company.ada, getattr(company, name), leaving_type(KeyHolder.INTUNE))
    return issued(accepted(request)).tokens.get()


def test_the_key_is_on_the_devices_and_the_person_sees_since_when(graph: Graph, company: Company) -> None:
    token = token_of(company)
    mails = OutgoingMail.objects.count()
    serve()
    row = placement(token)
    assert (row.state, row.place, row.parcel_wrapped) == (P.THERE, "user-of-uma", None)
    (body,) = graph.held.values()
    assert body["password"] != containers.open_passphrase(token)
    assert OutgoingMail.objects.count() == mails
    delivered(token.request)
    noted(token)
    page = signed_in(company.uma).get(reverse("selfservice:token", args=[token.pk])).content.decode()
    assert "On your managed devices since" in page


def test_a_person_who_is_no_user_yet_waits(graph: Graph, company: Company) -> None:
    del graph.users[company.uma.upn]
    token = token_of(company)
    serve()
    row = placement(token)
    assert (row.state, row.last_error) == (P.WAITING, "The tenant has no user of this principal name.")
    assert row.parcel_wrapped is not None
    graph.users[company.uma.upn] = "user-of-uma"
    serve()
    assert placement(token).state == P.THERE


@pytest.mark.parametrize("way", ["lost-before", "lost-after", "cut"])
def test_a_lost_answer_leads_to_one_certificate(graph: Graph, company: Company, way: str) -> None:
    token = token_of(company)
    graph.planned["import"] = [way]
    serve()
    assert placement(token).state == P.INTENDED
    serve()
    assert placement(token).state == P.THERE
    assert len(graph.held) == 1
    assert graph.called("import") == (2 if way == "lost-before" else 1)


def test_a_short_pause_is_waited_for_under_the_lease(
    graph: Graph, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [token_of(company, name) for name in ("uma", "sam")]
    graph.planned["import"], graph.retry_after = [429], {"Retry-After": "20"}
    waited: list[float] = []
    monkeypatch.setattr(serving.time, "sleep", waited.append)
    serve()
    assert waited == [20.0]
    assert [placement(token).state for token in tokens] == [P.THERE, P.THERE]
    assert graph.called("import") == 3


def test_a_long_pause_lets_the_target_wait_as_long_as_it_said(graph: Graph, company: Company) -> None:
    token = token_of(company)
    graph.planned["import"], graph.retry_after = [429], {"Retry-After": "900"}
    before = timezone.now()
    serve()
    target = Target.objects.get()
    assert target.next_attempt_at is not None
    assert target.next_attempt_at >= before + timedelta(seconds=900)
    assert target.last_error == "Graph wants fewer calls, and says until when to wait."
    assert placement(token).state == P.WAITING
    serve()
    assert (placement(token).state, graph.called("import")) == (P.THERE, 2)


def test_an_expired_credential_lets_all_wait(graph: Graph, company: Company) -> None:
    token = token_of(company)
    graph.app_works = False
    serve()
    assert placement(token).state == P.WAITING
    assert "expired" in Target.objects.get().last_error
    graph.app_works = True
    serve()
    assert placement(token).state == P.THERE


def test_400_is_refused_and_an_officer_may_have_it_tried_again(graph: Graph, company: Company) -> None:
    token = token_of(company)
    graph.planned["import"] = [400]
    serve()
    row = placement(token)
    assert (row.state, row.may_be_repeated) == (P.REFUSED, True)
    assert "says no reason" in row.last_error
