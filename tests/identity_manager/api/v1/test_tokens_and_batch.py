"""Software tokens and batch orders over the API: the verbs of the console, with their states and refusals."""

import pytest

from ca_bridge.contract import RevocationReason
from identity_manager.audit import sealing
from identity_manager.models import BatchOrder, Certificate, Person, Role, RoleAssignment, SoftwareToken
from identity_manager.transactions.refusals import NotAllowed
from identity_manager.workflow.batch import breaker, orders
from tests.identity_manager.api.v1.conftest import Caller, problem_of
from tests.identity_manager.workflow.batch.orders import with_token, work
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db]


def test_a_token_is_held_reinstated_and_revoked(caller: Caller, company: Company) -> None:
    token = with_token(company, company.uma)
    path = f"/tokens/{token.pk}"
    held = caller.post(f"{path}/hold", {"reason": "Lost for a day"})
    assert (held.status_code, held.json()["state"]) == (200, "on_hold"), held.content
    assert problem_of(caller.post(f"{path}/hold", {"reason": "Again"}))[0] == 409
    stale = caller.post(f"{path}/reinstate", None, **{"If-Match": '"0"'})
    assert problem_of(stale) == (412, "precondition-failed")
    back = caller.post(f"{path}/reinstate", None, **{"If-Match": held["ETag"]})
    assert (back.status_code, back.json()["state"]) == (200, "active"), back.content
    ended = caller.post("/revocations", {"token": str(token.pk), "reason": "superseded"})
    assert (ended.status_code, ended.json()["state"]) == (201, "revoked"), ended.content
    assert [row["reason"] for row in caller.read("/revocations")["items"]] == ["superseded"]
    assert problem_of(caller.post("/revocations", {"token": str(token.pk), "reason": "superseded"})) == (
        409,
        "not-in-use",
    )
    (certificate,) = caller.read("/certificates")["items"]
    assert certificate["token"] == str(token.pk)
    assert caller.read(f"/tokens/{token.pk}")["state"] == "revoked"
    sealing.seal()
    names = [row["name"] for row in caller.read("/events", token=str(token.pk), limit="200")["items"]]
    assert {"token.held", "token.reinstated", "token.revoked"} <= set(names)


def test_a_renewal_that_is_not_due_is_refused_as_on_the_page(caller: Caller, company: Company) -> None:
    token = with_token(company, company.uma)
    assert problem_of(caller.post("/renewals", {"token": str(token.pk)})) == (422, "has-one")


def test_tokens_are_replaced_by_the_verb_of_the_page_with_its_refusals(
    caller: Caller, company: Company
) -> None:
    token = with_token(company, company.uma)
    wanted = {"person": str(company.uma.pk), "cause": "lost"}
    other = {**wanted, "tokens": [str(company.uma.pk)]}
    assert problem_of(caller.post("/replacements", other)) == (409, "replacement-other-tokens")
    forgotten = {**wanted, "cause": "forgotten"}
    assert problem_of(caller.post("/replacements", forgotten)) == (422, "replacement-of-one")
    assert problem_of(caller.post("/replacements", {**wanted, "cause": "bored"})) == (422, "not-valid")
    token.refresh_from_db()
    assert token.state == "active"

    answers = [caller.post("/replacements", {**wanted, "tokens": [str(token.pk)]}, key="a") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].content
    made = answers[0].json()
    assert answers[1].json() == made
    assert made["ended"] == [str(token.pk)]
    assert answers[0]["Location"] == f"/api/v1/requests/{made['request']}"
    found = caller.read(f"/requests/{made['request']}")
    assert (found["kind"], found["state"], found["requested_by"]) == (
        "replacement",
        "awaiting_acceptance",
        str(caller.row.actor_id),
    )
    (certificate,) = Certificate.objects.filter(token=token)
    assert certificate.revocation_reason == RevocationReason.KEY_COMPROMISE
    assert problem_of(caller.post("/replacements", wanted)) == (409, "nothing-to-replace")


def test_a_batch_order_is_placed_looked_through_and_started(
    caller: Caller, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1000)
    token = with_token(company, company.uma)
    placed = caller.post("/batch-orders", revoking(company.uma, company.sam))
    assert (placed.status_code, placed.json()["state"]) == (201, "checking"), placed.content
    path = f"/batch-orders/{placed.json()['id']}"
    assert problem_of(caller.post(f"{path}/start", {}))[0] == 409
    work(BatchOrder.objects.get(pk=placed.json()["id"]))
    assert SoftwareToken.objects.get(pk=token.pk).state == "active", "a dry run"
    found = caller.read(path)
    assert (found["state"], found["counts"]) == ("checked", {"ready": 1, "refused": 1})
    outcomes = {row["outcome"] for row in caller.read(f"{path}/lines")["items"]}
    assert outcomes == {"ready", "refused"}
    started = caller.post(f"{path}/start", {"note": "As agreed"})
    assert (started.status_code, started.json()["state"]) == (200, "running"), started.content
    work(BatchOrder.objects.get(pk=placed.json()["id"]))
    assert caller.read(path)["counts"] == {"done": 1, "refused": 1}
    assert SoftwareToken.objects.get(pk=token.pk).state == "revoked"


def test_neither_maker_confirms_what_the_breaker_stops(
    caller: Caller, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 0)
    with_token(company, company.uma)
    made = caller.post("/batch-orders", revoking(company.uma)).json()
    order = BatchOrder.objects.get(pk=made["id"])
    work(order)
    started = caller.post(f"/batch-orders/{order.pk}/start", {"note": "As agreed"})
    assert started.json()["state"] == "waiting", started.content
    order = BatchOrder.objects.get(pk=order.pk)
    for maker in (caller.row.asked_by, caller.row.decided_by):
        RoleAssignment.objects.create(person=maker, role=Role.TOKEN_ADMINISTRATOR)
        actor = Person.objects.get(pk=maker.pk)
        with pytest.raises(NotAllowed):
            orders.confirm(actor=actor, order_id=order.pk)
        assert order not in BatchOrder.objects.decidable_by(actor)
        assert actor not in order.second_officers()
    assert order in BatchOrder.objects.decidable_by(company.ada)
    orders.confirm(actor=company.ada, order_id=order.pk)


def test_orders_of_other_offices_and_of_others_are_not_its_own(caller: Caller, company: Company) -> None:
    letters = {"kind": "letters", "chosen_as": "persons", "chosen": [str(company.uma.pk)]}
    assert problem_of(caller.post("/batch-orders", letters)) == (403, "no-registration-officer")
    wrong = {**revoking(company.uma), "options": {"reason": "none"}}
    assert problem_of(caller.post("/batch-orders", wrong)) == (422, "no-revocation-reason")


def revoking(*persons: Person) -> dict[str, object]:
    return {
        "kind": "revoke",
        "chosen_as": "persons",
        "chosen": [str(person.pk) for person in persons],
        "options": {"reason": "superseded"},
        "note": "They have left",
    }
