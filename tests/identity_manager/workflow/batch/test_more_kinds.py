"""Batch orders that renew, send again, cancel, activate, deactivate, and ask for sign-in letters."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from identity_manager.models import (
    BatchKind,
    BatchSource,
    ChosenAs,
    Leave,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SignInCode,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible
from identity_manager.workflow.batch import breaker
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.workflow.batch.orders import lines, placed, started, with_token
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that the breaker stays closed."""
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1000)


def test_renew_opens_a_request_for_what_can_be_renewed(company: Company) -> None:
    token = with_token(company, company.uma)
    early = lines(placed(company.ada, BatchKind.RENEW, [token]))
    assert early == [("P-uma", "refused", ["has-one"])]
    company.vpn.renewal_days = 4000
    company.vpn.renewal_policy = "officers"
    company.vpn.save()

    order = started(placed(company.ada, BatchKind.RENEW, [company.uma]), company.ada)

    assert order.counts == {"done": 1}
    request = order.lines.get().request
    assert request is not None
    assert (request.kind, request.person, request.requested_by) == ("renewal", company.uma, company.ada)
    assert request.tokens.get().predecessor == token


def test_replace_revokes_each_and_asks_anew(company: Company) -> None:
    token = with_token(company, company.uma)
    with pytest.raises(NotPossible) as refusal:
        placed(company.ada, BatchKind.REPLACE, [token])
    assert refusal.value.field == "cause"

    order = started(placed(company.ada, BatchKind.REPLACE, [token], options={"cause": "lost"}), company.ada)

    assert order.counts == {"done": 1}
    token.refresh_from_db()
    request = order.lines.get().request
    assert request is not None
    assert (token.state, request.kind, request.requested_by) == ("revoked", "replacement", company.ada)


def test_resend_mails_the_files_in_the_chosen_format(company: Company) -> None:
    token = with_token(company, company.uma)
    with pytest.raises(NotPossible) as refusal:
        placed(company.ada, BatchKind.RESEND, [token], options={"container_format": "zip"})
    assert refusal.value.field == "container_format"
    before = OutgoingMail.objects.filter(message="delivery").count()

    options = {"container_format": "compatible"}
    order = started(placed(company.ada, BatchKind.RESEND, [token], options=options), company.ada)

    assert order.counts == {"done": 1}
    mails = OutgoingMail.objects.filter(message="delivery", container_format="compatible")
    assert (mails.count(), OutgoingMail.objects.filter(message="delivery").count()) == (1, before + 1)


def test_cancel_ends_what_is_not_issued_with_the_reason(company: Company) -> None:
    waiting = cast.enabled(company.ada, company.uma, company.vpn)
    issued = with_token(company, company.sam).request

    order = placed(company.ada, BatchKind.CANCEL, [waiting, issued])
    assert lines(order) == [("P-uma", "ready", []), ("P-sam", "refused", ["not-open"])]
    cast.accepted(waiting)  # a step further, and cancelled all the same
    assert started(order, company.ada).counts == {"done": 1, "refused": 1}
    ended = TokenRequest.objects.get(pk=waiting.pk)
    assert (ended.state, ended.reason) == ("cancelled", "The profile was wrong.")


def test_deactivate_and_activate_are_the_registration_officers(company: Company) -> None:
    with pytest.raises(NotAllowed):
        placed(company.ada, BatchKind.DEACTIVATE, [company.uma])

    order = placed(company.rita, BatchKind.DEACTIVATE, [company.uma, company.rita])
    assert lines(order) == [("P-uma", "ready", []), ("P-rita", "refused", ["own-record"])]
    assert started(order, company.rita, note="a long leave").counts == {"done": 1, "refused": 1}
    assert Person.objects.get(pk=company.uma.pk).state == "inactive"
    assert Leave.objects.get().reason == "a long leave"

    order = placed(company.rita, BatchKind.ACTIVATE, ["P-uma"], source=BatchSource.FILE, **NUMBERS)
    assert started(order, company.rita).counts == {"done": 1}
    assert Person.objects.get(pk=company.uma.pk).state == "active"


NUMBERS: dict[str, Any] = {"chosen_as": ChosenAs.NUMBERS}


def test_leaves_of_the_day_count_whatever_way_they_began(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1)
    leave_and_return.deactivate(actor=company.rita, person_id=company.sam.pk, reason="by hand")
    order = placed(company.rita, BatchKind.DEACTIVATE, [company.uma])

    assert started(order, company.rita).state == "waiting"

    rolf = cast.person("rolf", sid="", roles=(Role.REGISTRATION_OFFICER,))
    with pytest.raises(NotAllowed):
        batch_orders.confirm(actor=company.ada, order_id=order.pk)
    with pytest.raises(NotAllowed):
        batch_orders.confirm(actor=company.rita, order_id=order.pk)
    assert batch_orders.confirm(actor=rolf, order_id=order.pk).state == "running"


def test_leaves_of_the_day_before_do_not_count(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1)
    leave_and_return.deactivate(actor=company.rita, person_id=company.sam.pk, reason="by hand")
    Leave.objects.update(began_at=timezone.now() - timedelta(hours=25))
    order = placed(company.rita, BatchKind.DEACTIVATE, [company.uma])

    assert started(order, company.rita).counts == {"done": 1}


def test_letters_ask_for_codes_and_keep_no_secret(company: Company) -> None:
    nora = cast.person("nora", sid="", roles=())

    order = started(placed(company.rita, BatchKind.LETTERS, [nora, company.rita]), company.rita, note="")

    assert lines(order) == [("P-nora", "done", []), ("P-rita", "refused", ["own-code"])]
    code = SignInCode.objects.get()
    assert (code.person, code.asked_by, code.made_at, code.code_hash) == (nora, company.rita, None, "")


def test_who_asked_for_the_persons_token_gets_no_letter_for_them(company: Company) -> None:
    RoleAssignment.objects.create(person=company.ada, role=Role.REGISTRATION_OFFICER)
    cast.enabled(company.ada, company.uma, company.vpn)

    order = placed(company.ada, BatchKind.LETTERS, [company.uma])

    assert lines(order) == [("P-uma", "refused", ["requester"])]
