"""A request by a client of the API, from the call to the state of its delivery; idempotency keys; ETags."""

import threading

import pytest
from django.db import connections

from identity_manager.models import ApprovalPolicy, AuditEvent, IdempotentCall, Role, TokenRequest
from identity_manager.transactions.refusals import Reason, Stale
from identity_manager.workflow import step1_enable
from tests.identity_manager.api.v1.conftest import Caller, make_client, problem_of
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def test_a_client_asks_for_a_person_and_reads_the_delivery(caller: Caller) -> None:
    kind, uma = cast.token_type("vpn", approval=ApprovalPolicy.ALWAYS), cast.person("uma")
    answer = caller.post("/requests", {"person": str(uma.pk), "types": [kind.code]})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert answer["Location"] == f"/api/v1/requests/{made['id']}"
    row = TokenRequest.objects.get(pk=made["id"])
    assert (row.requested_by, row.person) == (caller.row.actor, uma)
    cast.approved(cast.person("paul", roles=(Role.APPROVER,)), row)
    delivered = cast.delivered(cast.issued(cast.accepted(TokenRequest.objects.get(pk=row.pk))))
    found = caller.read(f"/requests/{delivered.pk}")
    assert found["tokens"][0]["delivered_at"] is not None


def test_the_refusal_of_the_verb_is_the_answer_and_is_kept(caller: Caller) -> None:
    uma = cast.person("uma", email="")
    cast.token_type("vpn")
    wanted = {"person": str(uma.pk), "types": ["vpn"]}
    assert problem_of(caller.post("/requests", wanted, key="a")) == (422, "no-email")
    again = caller.post("/requests", wanted, key="a")
    assert problem_of(again) == (422, "no-email")
    assert again["Idempotent-Replayed"] == "true"
    assert not TokenRequest.objects.exists()
    assert problem_of(caller.post("/requests", {**wanted, "types": ["none"]})) == (422, "unknown-type")


def test_a_repeated_call_has_one_effect_and_another_under_its_key_is_refused(caller: Caller) -> None:
    cast.token_type("vpn")
    wanted = {"person": str(cast.person("uma").pk), "types": ["vpn"]}
    first, second = (caller.post("/requests", wanted, key="a") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["ETag"] == first["ETag"]
    assert "Idempotent-Replayed" in second
    assert TokenRequest.objects.count() == 1
    other = {**wanted, "purpose": "another"}
    assert problem_of(caller.post("/requests", other, key="a")) == (422, "idempotency-key-used")
    stranger = make_client(name="ERP")
    assert problem_of(stranger.post("/requests", wanted, key="a"))[0] == 422  # the verb: it has one open
    assert TokenRequest.objects.count() == 1


def test_a_crash_after_the_verb_leaves_nothing_and_the_repetition_does_it(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.token_type("vpn")
    wanted = {"person": str(cast.person("uma").pk), "types": ["vpn"]}
    enable = step1_enable.enable

    def crash(**given: object) -> None:
        enable(**given)  # type: ignore[arg-type]  # as given
        raise RuntimeError("The process ends here.")

    monkeypatch.setattr(step1_enable, "enable", crash)
    assert problem_of(caller.post("/requests", wanted, key="a")) == (500, "fault")
    assert not TokenRequest.objects.exists()
    assert not IdempotentCall.objects.exists()
    monkeypatch.setattr(step1_enable, "enable", enable)
    assert caller.post("/requests", wanted, key="a").status_code == 201
    assert TokenRequest.objects.count() == 1


def test_a_verb_that_commits_a_part_and_then_refuses_does_the_part_once(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a decision does that stops a request whose person has changed, and then says that it did."""
    cast.token_type("vpn")
    wanted = {"person": str(cast.person("uma").pk), "types": ["vpn"]}
    enable = step1_enable.enable

    def enable_and_refuse(**given: object) -> None:
        enable(**given)  # type: ignore[arg-type]  # as given
        raise Stale(Reason("stopped-meanwhile", "It was stopped, because its person has changed."))

    monkeypatch.setattr(step1_enable, "enable", enable_and_refuse)
    first, second = (caller.post("/requests", wanted, key="a") for _ in range(2))
    assert problem_of(first) == problem_of(second) == (409, "stopped-meanwhile")
    assert (first.content, second["Idempotent-Replayed"]) == (second.content, "true")
    assert TokenRequest.objects.count() == 1, "the part stays, and is not done again"


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_under_one_key_one_has_an_effect() -> None:
    caller = make_client()
    cast.token_type("vpn")
    wanted = {"person": str(cast.person("uma").pk), "types": ["vpn"]}
    answers = []

    def call() -> None:
        try:
            answers.append(Caller(caller.row, caller.secret).post("/requests", wanted, key="a"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {answer.status_code for answer in answers} == {201}, [answer.content for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert TokenRequest.objects.count() == 1


def test_if_match_stops_who_has_read_an_older_version(caller: Caller) -> None:
    cast.token_type("vpn")
    made = caller.post("/requests", {"person": str(cast.person("uma").pk), "types": ["vpn"]})
    path, tag = f"/requests/{made.json()['id']}/cancel", made["ETag"]
    stale = caller.post(path, {"reason": "Not needed"}, **{"If-Match": '"99"'})
    assert problem_of(stale) == (412, "precondition-failed")
    ended = caller.post(path, {"reason": "Not needed"}, **{"If-Match": tag})
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
    assert ended["ETag"] != tag
    assert problem_of(caller.post(path, {"reason": "Again"}, **{"If-Match": ended["ETag"]}))[0] == 409
    assert AuditEvent.objects.filter(name="request.cancelled").count() == 1
