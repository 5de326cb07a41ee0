"""BATCH ORDERS in Chromium: select, dry run, start, progress, outcome; and without scripts."""

from typing import Any

import pytest
from playwright.sync_api import expect

from identity_manager.models import BatchOrder, TokenRequest
from identity_manager.workflow.batch import worker as batch_run
from tests.browser.conftest import NEEDS, OpenDesk, in_looks
from tests.tools import cast

pytestmark = [*NEEDS, pytest.mark.long]


@in_looks("390 px, dark")
def test_from_the_selection_to_what_became_of_each(
    open_desk: OpenDesk, look: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.person("inga", state="inactive", sid="")
    ada = open_desk("ada", **look)
    ada.open("/batch-orders/")
    ada.sees("No batch order yet")

    # 1  select
    ada.open("/search/?kind=employee&q=")
    for box in (
        ada.page.get_by_role("checkbox", name="Uma").all()
        + ada.page.get_by_role("checkbox", name="Inga").all()
    ):
        box.check()
    ada.press("Enable", within=ada.page.locator(".selection"))
    ada.sees_heading("Enable: 2 rows")
    ada.press("Dry run", status=422)
    ada.sees("Check at least one software token type")
    ada.check("VPN")

    # 2  the dry run
    ada.press("Dry run")
    ada.sees("1 line can be done")
    ada.sees("This person is Inactive")
    assert not TokenRequest.objects.exists()

    # 3  start: the worker has not come yet
    run = batch_run.run
    monkeypatch.setattr(batch_run, "run", lambda *, order_id: False)
    ada.press("Enable: 1")
    expect(ada.page.locator("#batch-progress")).to_contain_text("0 / 1")
    ada.press("Pause")
    ada.sees("Nothing is done until it goes on")
    ada.press("Go on")

    # 4  it moves by itself
    monkeypatch.setattr(batch_run, "run", run)
    run(order_id=BatchOrder.objects.get().pk)
    ada.sees("Finished")
    ada.look()

    # 5  outcome
    ada.open(f"/batch-orders/{BatchOrder.objects.get().pk}/?outcome=enabled")
    ada.sees(f"Request {TokenRequest.objects.get().reference}")
    ada.open("/batch-orders/")
    ada.sees(BatchOrder.objects.get().reference)


@pytest.mark.nightly
def test_without_scripts_and_in_german(open_desk: OpenDesk) -> None:
    ada = open_desk("ada", scripts=False, language="de")
    ada.open("/search/?kind=employee")
    ada.page.get_by_role("checkbox", name="Uma").check()
    ada.press("Freischalten", within=ada.page.locator(".selection"))
    ada.check("VPN")
    ada.press("Probelauf")
    ada.press("Freischalten: 1")
    ada.sees("Fertig")
    assert TokenRequest.objects.count() == 1


@pytest.mark.nightly
def test_a_revocation_of_all_that_a_search_found_without_scripts(
    open_desk: OpenDesk, company: cast.Company
) -> None:
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn))  # a worker is there
    ada = open_desk("ada", scripts=False)
    ada.open("/search/?kind=certificate&state=valid")
    ada.page.get_by_role("checkbox", name="Uma").check()
    ada.press("Batch order", within=ada.page.locator(".selection"))
    ada.sees_heading("What is done with 1 row?")
    ada.press("Choose Revoke")
    ada.press("Dry run", status=422)
    ada.sees("Choose the reason that revocation lists give.")
    ada.page.get_by_label("replaced by a newer one").check()
    ada.press("Dry run")
    ada.sees("1 line can be done")
    ada.page.get_by_label("Reason").fill("The profile was wrong.")
    ada.press("Revoke: 1")
    ada.sees("Finished")
    ada.look()
    assert request.tokens.get().state == "revoked"
