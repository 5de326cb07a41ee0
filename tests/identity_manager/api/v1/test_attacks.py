"""Attacks on the API: beyond scope, unit, time; by makers of a client; by a client that one officer made."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from identity_manager.models import (
    Account,
    ApiScope,
    ApprovalPolicy,
    AuditEvent,
    Person,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.people import groups
from identity_manager.people.api_access import api_clients
from identity_manager.people.officers import roles
from identity_manager.people.sign_in import accounts
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import step2_approve
from identity_manager.workflow.people import sign_in_codes
from identity_manager.workflow.policy import approvers
from tests.identity_manager.api.v1.conftest import Caller, make_client, problem_of
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
SYSTEM = (Role.SYSTEM_ADMINISTRATOR,)


def wanted(name: str = "HR", **more: object) -> api_clients.ApiClientInput:
    values = {"name": name, "days": 30, "scopes": tuple(ApiScope.values), **more}
    return api_clients.ApiClientInput(**values)  # type: ignore[arg-type] # some are wrong by intent


def test_a_client_of_one_officer_opens_nothing() -> None:
    first, other = cast.person("first", roles=SYSTEM), cast.person("other", roles=(Role.APPROVER,))
    row, secret = api_clients.make(actor=first, wanted=wanted())
    caller = Caller(row, secret)
    assert problem_of(caller.get("/persons")) == (401, "not-authenticated")
    for actor in (first, other):
        with pytest.raises(NotAllowed):
            api_clients.confirm(actor=actor, client_id=row.pk)
    with pytest.raises(NotAllowed):
        api_clients.make(actor=other, wanted=wanted())
    assert not RoleAssignment.objects.filter(person=row.actor).exists()
    assert problem_of(caller.get("/persons")) == (401, "not-authenticated")


@pytest.mark.parametrize(
    "wrong",
    [{"name": " "}, {"days": 0}, {"days": 731}, {"scopes": ()}, {"scopes": ("approve",)}, {"units": [""]},
     {"certificate": b"no certificate"}],
)  # fmt: skip
def test_what_makes_no_client(wrong: dict[str, object]) -> None:
    with pytest.raises(NotPossible):
        api_clients.make(actor=cast.person("first", roles=SYSTEM), wanted=wanted(**wrong))  # type: ignore[arg-type]  # as given


def test_a_client_ends_with_its_time_and_at_once_when_it_is_revoked(caller: Caller) -> None:
    assert caller.get("/persons").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert caller.get("/persons").status_code == 401
    admin = cast.person("third", roles=SYSTEM)
    api_clients.revoke(actor=admin, client_id=caller.row.pk)
    assert caller.get("/persons").status_code == 401
    assert not caller.row.actor.roles.exists()
    with pytest.raises(Stale):
        api_clients.revoke(actor=admin, client_id=caller.row.pk)


def test_a_client_whose_role_somebody_has_withdrawn_opens_nothing(caller: Caller) -> None:
    admin = cast.person("una", roles=(Role.USER_ADMINISTRATOR,))
    roles.withdraw(actor=admin, person_id=caller.row.actor_id, role=Role.TOKEN_ADMINISTRATOR)
    assert caller.get("/persons").status_code == 401


def test_no_token_a_wrong_one_or_a_session_opens_nothing(caller: Caller) -> None:
    browser = Client()
    admin = cast.person("root", roles=SYSTEM)
    browser.force_login(Account.objects.create(person=admin, username="root"))
    for headers in ({}, {"Authorization": "Bearer imc_0"}, {"Authorization": f"Basic {caller.secret}"}):
        answer = browser.get("/api/v1/persons", headers=headers)
        assert problem_of(answer) == (401, "not-authenticated")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_clients_are_no_persons(caller: Caller) -> None:
    client = caller.row.actor
    assert caller.get(f"/persons/{client.pk}").status_code == 404
    assert caller.get(f"/persons/{client.pk}/groups").status_code == 404
    rosa = cast.person("rosa", roles=(Role.REGISTRATION_OFFICER,))
    group = groups.make(actor=rosa, name="HR systems")
    with pytest.raises(NotPossible, match=client.personnel_number):
        groups.add(actor=rosa, group_id=group.pk, numbers=[client.personnel_number])


def test_a_group_that_officers_keep_is_read_like_any_other() -> None:
    group = groups.make(actor=cast.person("rosa", roles=(Role.REGISTRATION_OFFICER,)), name="Field staff")
    caller = make_client(scopes=(ApiScope.GROUPS_READ,))
    (row,) = caller.get("/groups").json()["items"]
    assert (row["id"], row["name"], row["source"]) == (str(group.pk), "Field staff", None)
    assert caller.get(f"/groups/{group.pk}").json() == row


def test_the_secret_is_kept_nowhere(caller: Caller) -> None:
    caller.row.refresh_from_db()
    assert caller.secret.startswith("imc_")
    assert caller.secret not in str(vars(caller.row))
    events = AuditEvent.objects.filter(name__startswith="api-client.")
    assert events.count() == 2
    assert all(caller.secret not in str(vars(event)) for event in events)


def test_nothing_beyond_its_scopes() -> None:
    caller = make_client(scopes=(ApiScope.PERSONS_READ,))
    uma = cast.person("uma")
    cast.token_type("vpn")
    assert caller.get("/persons").status_code == 200
    for path in (
        "/groups",
        "/requests",
        "/tokens",
        "/certificates",
        "/revocations",
        "/batch-orders",
        "/events",
    ):
        answer = caller.get(path)
        assert problem_of(answer) == (403, "insufficient-scope"), path
        assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]
    refused = caller.post("/requests", {"person": str(uma.pk), "types": ["vpn"]})
    assert problem_of(refused) == (403, "insufficient-scope")
    assert problem_of(caller.post("/requests", "no body of this shape")) == (403, "insufficient-scope")
    assert not TokenRequest.objects.exists()


@pytest.mark.parametrize("scope", [ApiScope.TOKENS_REVOKE, ApiScope.REQUESTS_WRITE])
def test_a_replacement_takes_both_scopes_of_what_it_does(scope: ApiScope) -> None:
    caller = make_client(scopes=(scope,))
    answer = caller.post("/replacements", {"person": str(cast.person("uma").pk), "cause": "lost"})
    assert problem_of(answer) == (403, "insufficient-scope")
    assert 'scope="tokens:revoke requests:write"' in answer["WWW-Authenticate"]


def test_nothing_beyond_its_units() -> None:
    caller = make_client(units=("South",))
    cast.token_type("vpn")
    near = cast.person("near", organisational_unit="South")
    far = cast.person("far", organisational_unit="North")
    ada = cast.person("ada", roles=(Role.TOKEN_ADMINISTRATOR,))
    theirs = cast.enabled(ada, far, cast.token_type("mail"))
    token = theirs.tokens.get()
    assert [row["id"] for row in caller.read("/persons")["items"]] == [str(near.pk)]
    for path in (f"/persons/{far.pk}", f"/requests/{theirs.pk}", f"/tokens/{token.pk}"):
        assert problem_of(caller.get(path)) == (404, "not-found")
    assert caller.read("/events", person=str(far.pk))["items"] == []
    for path, body in (
        ("/requests", {"person": str(far.pk), "types": ["vpn"]}),
        (f"/requests/{theirs.pk}/cancel", {"reason": "Mine now"}),
        ("/renewals", {"token": str(token.pk)}),
        ("/replacements", {"person": str(far.pk), "cause": "lost"}),
        ("/revocations", {"token": str(token.pk), "reason": "superseded"}),
        (f"/tokens/{token.pk}/hold", {"reason": "Mine now"}),
        (f"/tokens/{token.pk}/reinstate", None),
    ):
        assert problem_of(caller.post(path, body)) == (404, "not-found"), path
    theirs.refresh_from_db()
    assert theirs.is_open


def test_neither_maker_approves_what_their_client_asks_for(caller: Caller) -> None:
    """Both became approvers afterwards; a third approver decides."""
    cast.token_type("vpn", approval=ApprovalPolicy.ALWAYS)
    made = caller.post("/requests", {"person": str(cast.person("uma").pk), "types": ["vpn"]}).json()
    request = TokenRequest.objects.get(pk=made["id"])
    paul = cast.person("paul", roles=(Role.APPROVER,))
    makers = [caller.row.asked_by, caller.row.decided_by]
    for maker in makers:
        RoleAssignment.objects.create(person=maker, role=Role.APPROVER)
        actor = Person.objects.get(pk=maker.pk)
        with pytest.raises(NotAllowed) as refused:
            step2_approve.approve(actor=actor, request_id=request.pk, snapshot_hash=request.snapshot_hash)
        assert refused.value.reason == approvers.OWN_REQUEST
        waiting = TokenRequest.objects.awaiting_decision()
        assert request not in waiting.decidable_by(maker)
        assert request in TokenRequest.objects.asked_for_by(maker)
        assert request in waiting.decidable_by(paul)
    assert list(approvers.approvers(request)) == [paul]
    cast.approved(paul, request)


@pytest.mark.parametrize("maker", ["asked_by", "decided_by"])
@pytest.mark.parametrize("policy", [ApprovalPolicy.NEVER, ApprovalPolicy.SELF_REQUESTED])
def test_what_a_client_asks_for_its_maker_needs_an_approver(
    caller: Caller, maker: str, policy: ApprovalPolicy
) -> None:
    """As for who enables themselves: an officer alone cannot let a program ask for them instead."""
    cast.token_type("vpn", approval=policy)
    own = getattr(caller.row, maker)
    made = caller.post("/requests", {"person": str(own.pk), "types": ["vpn"]}).json()
    request = TokenRequest.objects.get(pk=made["id"])
    assert (request.state, request.approvals_needed) == ("requested", 1)


@pytest.mark.parametrize("maker", ["asked_by", "decided_by"])
def test_a_client_asks_for_nobody_for_whom_its_maker_made_a_code(caller: Caller, maker: str) -> None:
    cast.token_type("vpn")
    officer, nora = getattr(caller.row, maker), cast.person("nora", roles=(), sid="")
    RoleAssignment.objects.create(person=officer, role=Role.REGISTRATION_OFFICER)
    officer = Person.objects.get(pk=officer.pk)
    sign_in_codes.make(actor=officer, code_id=sign_in_codes.ask(actor=officer, person_id=nora.pk).pk)
    answer = caller.post("/requests", {"person": str(nora.pk), "types": ["vpn"]})
    assert problem_of(answer) == (403, "made-a-code")
    assert not TokenRequest.objects.exists()


def test_nobody_signs_in_as_a_client_gives_it_roles_or_a_token(caller: Caller) -> None:
    person = caller.row.actor
    una, rolf = (
        cast.person(name, roles=(role,))
        for name, role in (("una", Role.USER_ADMINISTRATOR), ("rolf", Role.REGISTRATION_OFFICER))
    )
    with pytest.raises(NotAllowed) as refused:
        roles.assign(actor=una, person_id=person.pk, role=Role.APPROVER)
    assert refused.value.reason == roles.API_CLIENT
    with pytest.raises(Refused):
        sign_in_codes.ask(actor=rolf, person_id=person.pk)
    with pytest.raises(Refused):
        accounts.open_account(person_id=person.pk, username="api", password="correct horse battery")
    cast.token_type("vpn")
    answer = caller.post("/requests", {"person": str(person.pk), "types": ["vpn"]})
    assert problem_of(answer) == (422, "api-client")


def test_who_calls_too_often_waits(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_clients, "MOST_CALLS", 3)
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        assert [caller.get("/persons").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = caller.get("/persons")
        assert problem_of(answer) == (429, "too-many-calls")
        assert answer["Retry-After"] == "50"
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert caller.get("/persons").status_code == 200
