"""How often a page asks the database: at most thirteen times, however much there is to show.

The world of the addresses has grown here: more of everything than a list would show one by one unnoticed.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from ca_bridge.models import CaOrder
from identity_manager.console.lists import filtering
from identity_manager.models import (
    ApprovalPolicy,
    Certificate,
    OutgoingMail,
    Person,
    PersonErasure,
    PersonSource,
    Role,
    RoleAssignment,
    RoleReview,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people import saved_searches
from identity_manager.people.identity import identity_changes
from identity_manager.workflow.people import sign_in_codes
from identity_manager.workflow.revocation import revoke
from tests.architecture.standing import standing
from tests.architecture.url_table import TABLE, Row, Visitor
from tests.architecture.url_world import World, batch_order, person_import, surplus
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("queries"), pytest.mark.long]
MOST = 13
# OPEN TASKS asks once for each kind of task that waits; in this world eight kinds do for one officer.
MOST_OF = {"console:approvals": 15}
FOR_PROGRAMS = ("metrics",)  # every figure of the installation: test_metrics_page.py
PAGES = tuple(row for row in TABLE if row.opens and row.name not in FOR_PROGRAMS)
# Who has most to see; the others' pages are parts of theirs.
BUSY = {
    Visitor.OWNER,
    Visitor.ADMINISTRATOR,
    Visitor.APPROVER,
    Visitor.REGISTRATION,
    Visitor.USERS,
    Visitor.SYSTEM,
}
MANY = 15


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    with standing(django_db_blocker, tmp_path_factory.mktemp("mailbox")) as world:
        grow(world)
        for browser in world.browsers.values():
            browser.get("/account/")  # the first visit notes in the session that it was one
        yield world


def grow(world: World) -> None:
    """More types, and for each requests of the owner's and one of somebody new, as far as they go."""
    ada, rita = (
        Person.objects.get(personnel_number=f"P-{each.name.lower()}")
        for each in (Visitor.ADMINISTRATOR, Visitor.REGISTRATION)
    )
    for number in range(MANY):
        never = cast.token_type(f"type{number}", profiles=("client", "signing"))
        always = cast.token_type(f"asked{number}", approval=ApprovalPolicy.ALWAYS)
        somebody = cast.person(f"new{number}", sid="", roles=(Role.APPROVER, Role.SELF_SERVICE_USER))
        cast.enabled(ada, world.owner, always)
        cast.enabled(ada, somebody, always)
        cast.asked(world.owner, cast.token_type(f"own{number}", approval=ApprovalPolicy.ALWAYS))
        opened = cast.enabled(ada, world.owner, never)
        if number % 3:
            cast.delivered(cast.issued(cast.accepted(opened)))
        sign_in_codes.ask(actor=rita, person_id=somebody.pk)
        saved_searches.keep(actor=ada, name=f"Search {number}", kind="employee", query="kind=employee&q=a")
        RoleAssignment.objects.create(
            person=world.owner, role=Role.APPROVER, organisational_unit=f"U{number}"
        )
    everybody = list(Person.objects.filter(personnel_number__startswith="P-new"))
    grow_what_officers_wait_for(world, everybody)
    orders = [batch_order(ada, world.owner, *everybody) for _number in range(MANY)]
    world.objects["batch order"] = (orders[-1],)
    world.objects["import"] = (person_import(rita, rows=MANY),)


def grow_what_officers_wait_for(world: World, everybody: list[Person]) -> None:
    """Of each kind of task."""
    for person in everybody:
        PersonErasure.objects.create(person=person, asked_by=world.owner)
        new = {"email": f"other-{person.email}"}
        identity_changes.ask(person, new=new, source=PersonSource.MANUAL, actor=None)
    issued = Certificate.objects.filter(state="valid").exclude(pk=world.objects["certificate"][0])
    for certificate in issued:
        surplus(certificate)
    by_hand, parked = issued[: len(issued) // 2], issued[len(issued) // 2 :]
    for certificate in by_hand:
        revoke.decide(certificate, reason=RevocationReason.KEY_COMPROMISE, actor=None)
        certificate.require_manual_revocation(now=timezone.now())
        certificate.save()
    for certificate in parked:
        Certificate.objects.filter(pk=certificate.pk).update(state="ordered")
        SoftwareToken.objects.filter(pk=certificate.token_id).update(state="issuing")
        TokenRequest.objects.filter(pk=certificate.token.request_id).update(state="issuing")
        CaOrder.objects.filter(pk=certificate.order_id).update(state="unknown", parked_at=timezone.now())
    (campaign,) = world.objects["recertification"]
    for held in RoleAssignment.objects.filter(role=Role.APPROVER):
        RoleReview.objects.get_or_create(
            campaign_id=campaign,
            assignment_id=held.pk,
            defaults={"person": held.person, "role": held.role, "assigned_at": held.assigned_at},
        )
    OutgoingMail.objects.filter(message="information").update(state="failed", last_error="no such mailbox")


def asked(browser: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        browser.get(address)
    return [query["sql"] for query in queries.captured_queries]


def asked_when_known(browser: Client, address: str, most: int = MOST) -> list[str]:
    """Once more where it asks for more: what is remembered for seconds (numbers, looks) may have run out."""
    queries = asked(browser, address)
    return queries if len(queries) <= most else asked(browser, address)


@pytest.mark.parametrize("row", PAGES, ids=str)
def test_a_page_asks_seldom(world: World, row: Row) -> None:
    address, most = world.address(row), MOST_OF.get(row.name, MOST)
    for visitor in sorted(row.opens & BUSY or row.opens):
        queries = asked_when_known(world.browsers[visitor], address, most)
        assert len(queries) <= most, (visitor, *queries)


@pytest.mark.parametrize(
    "address",
    ["/mails/?q=", "/mails/?state=sent&q=", "/search/?kind=certificate&q=", "/search/?kind=request&q="],
)
@pytest.mark.parametrize("words", ["new", "nobody"])
def test_words_that_many_persons_have_take_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    monkeypatch.setattr(filtering, "MANY", 3)
    queries = asked_when_known(world.browsers[Visitor.ADMINISTRATOR], address + words)
    assert len(queries) <= MOST, queries
