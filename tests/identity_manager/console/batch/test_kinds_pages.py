"""Batch orders of every kind on the pages: rows, kind, options, dry run, start, second officer."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import (
    AuditEvent,
    BatchKind,
    BatchOrder,
    OutgoingMail,
    Person,
    Role,
    SignInCode,
    SoftwareToken,
)
from identity_manager.workflow.batch import breaker
from tests.identity_manager.console.visitors import officer, tasks
from tests.identity_manager.workflow.batch.orders import placed, revoking, started, with_token, work
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.long

KINDS, CHOOSE, NEW = (reverse(f"console:batch-order-{name}") for name in ("kinds", "choose", "new"))
ALL = {"search": "kind=employee", "all": "1"}


def address(order: BatchOrder, action: str = "") -> str:
    return reverse(f"console:batch-order{action}", args=[order.pk])


def given(browser: Client, kind: str, sent: dict[str, Any], **options: Any) -> BatchOrder:
    page = browser.post(CHOOSE, {**sent, "kind": kind})
    assert page.status_code == 200, page.text
    key = str(page.context["form"].initial["key"])
    answer = browser.post(NEW, {**sent, "kind": kind, "key": key, **options})
    assert answer.status_code == 302, answer.text
    order = BatchOrder.objects.get(pk=key)
    work(order)
    return BatchOrder.objects.get(pk=key)


def offered(page: Any) -> set[str]:
    return set(re.findall(r'name="kind"\s+value="(\w+)"', page.text))


def test_kinds_are_offered_by_role_and_by_what_was_chosen(ada: Client, company: Company) -> None:
    rita = signed_in(company.rita)
    everything = ada.post(KINDS, ALL)
    assert everything.context["rows"].number == Person.objects.filter(kind="employee").count()
    assert {"enable", "revoke", "replace", "cancel"} <= offered(everything)
    assert offered(rita.post(KINDS, ALL)) == {"activate", "deactivate", "letters"}
    requests = {"search": "kind=request", "requests": [str(cast.enabled(company.ada, company.uma).pk)]}
    assert "enable" not in offered(ada.post(KINDS, requests))
    assert {"revoke", "remind"} <= offered(ada.post(KINDS, requests))
    assert "remind" not in offered(ada.post(KINDS, {"search": "kind=certificate", "all": "1"}))
    assert ada.post(KINDS, {"search": "kind=employee"}).status_code == 422
    assert {"enable", "deactivate"} & offered(ada.get(KINDS)) == {"enable"}


def test_a_kind_of_another_role_is_refused(ada: Client, company: Company) -> None:
    sent = {**ALL, "kind": "deactivate"}
    assert ada.post(CHOOSE, sent).status_code == 403
    assert ada.post(NEW, sent).status_code == 403
    assert ada.get(NEW, {"kind": "letters"}).status_code == 403
    assert ada.get(NEW, {"kind": "nonsense"}).status_code == 403
    assert signed_in(company.rita).get(NEW, {"kind": "letters"}).status_code == 200


def test_from_all_certificates_of_a_search_to_the_end(
    ada: Client, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 100)
    token = with_token(company, company.uma)
    chosen = {"search": "kind=certificate&state=valid", "all": "1"}

    order = given(ada, "revoke", chosen, reason="superseded")
    assert (order.source, order.search) == ("search", "kind=certificate&state=valid")
    page = ada.get(address(order)).text
    assert "1 line can be done" in page
    assert "replaced by a newer one" in page
    assert "are revoked, too" not in page
    assert company.uma.display_name in page

    answer = ada.post(address(order, "-start"))
    assert answer.status_code == 422
    assert "Say why." in answer.text
    answer = ada.post(address(order, "-start"), {"note": "x", "window_from": "22:00"})
    assert (answer.status_code, BatchOrder.objects.get().state) == (422, "checked")
    note = {"note": "We leave this CA.", "rate": "500"}
    assert ada.post(address(order, "-start"), note).status_code == 302
    work(order)
    assert SoftwareToken.objects.get(pk=token.pk).state == "revoked"
    page = ada.get(address(order), {"outcome": "done"}).text
    assert "We leave this CA." in page
    assert "500" in page
    assert "Revoked" in page
    sheet = b"".join(ada.post(address(order, "-report"))).decode()
    assert token.request.reference in sheet


def test_options_that_lack_are_said_and_the_rows_are_kept(ada: Client, company: Company) -> None:
    chosen = {"search": "kind=employee", "persons": [str(company.uma.pk)]}
    page = ada.post(CHOOSE, {**chosen, "kind": "revoke"})
    answer = ada.post(NEW, {**chosen, "kind": "revoke", "key": page.context["form"].initial["key"]})
    assert answer.status_code == 422
    assert "Choose the reason that revocation lists give." in answer.text
    assert str(company.uma.pk) in answer.text
    assert not BatchOrder.objects.exists()


def test_the_second_officer_finds_it_in_open_tasks_and_decides(
    ada: Client, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 0)
    order = started(revoking(company.ada, [with_token(company, company.uma)]), company.ada)
    olga = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, sid=""))

    assert "Waits for a second officer" in ada.get(address(order)).text
    assert address(order, "-confirm") not in ada.get(address(order)).text
    assert ada.post(address(order, "-confirm")).status_code == 403
    assert tasks(ada.get(reverse("console:approvals")), "batch-orders-to-confirm") == []
    assert tasks(olga.get(reverse("console:approvals")), "batch-orders-to-confirm") == [order]
    assert address(order, "-confirm") in olga.get(address(order)).text
    assert olga.get(address(order, "-confirm")).status_code == 200
    assert olga.post(address(order, "-reject"), {"reason": ""}).status_code == 422
    assert olga.post(address(order, "-confirm")).status_code == 302
    assert BatchOrder.objects.get().state == "running"
    assert olga.post(address(order, "-confirm")).status_code == 409


def test_registration_officers_see_their_orders_and_print_the_letters(company: Company) -> None:
    nora = cast.person("nora", sid="", roles=())
    order = started(placed(company.rita, BatchKind.LETTERS, [nora]), company.rita, note="")
    of_ada = revoking(company.ada, [company.uma])
    rita = signed_in(company.rita)

    assert order.reference in rita.get(reverse("console:batch-orders")).text
    assert rita.get(address(of_ada)).status_code == 404
    assert "1 letter can be printed" in rita.get(address(order)).text
    answer = rita.post(address(order, "-letters"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("console:sign-in-letters"))
    assert rita.session["letters_for"] == [str(nora.pk)]
    assert SignInCode.objects.get().made_at is None


def test_one_person_is_reminded_on_the_page_of_the_request(ada: Client, company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.vpn)
    page, remind = (reverse(f"console:{name}", args=[request.pk]) for name in ("request", "request-remind"))

    assert remind in ada.get(page).text
    assert ada.get(remind).status_code == 200
    assert ada.post(remind).status_code == 302
    assert OutgoingMail.objects.filter(message="acceptance_reminder", person=company.uma).count() == 1
    assert AuditEvent.objects.get(name="request.reminded").actor == company.ada
    assert remind not in ada.get(page).text
    assert ada.post(remind).status_code == 409
