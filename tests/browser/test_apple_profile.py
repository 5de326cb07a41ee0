"""Configuration profiles and exports in a browser: the profile comes first for Apple devices."""

import pytest
from django.urls import reverse

from identity_manager.models import DeliveryState, SoftwareToken
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def test_a_phone_fetches_the_profile(open_desk: OpenDesk, company: Company) -> None:
    token = SoftwareToken.objects.get(request=company.request_in("completed"))
    SoftwareToken.objects.update(delivery=DeliveryState.BOUNCED)
    desk = open_desk(company.uma, viewport=PHONE, has_touch=True)
    desk.open(f"{reverse('selfservice:token', args=[token.pk])}?device=iphone")
    desk.sees("The simplest way on this device")
    desk.follow("Fetch the profile")
    desk.sees("The device says “Not Signed”")
    with desk.page.expect_download() as awaited:
        desk.page.get_by_role("button", name="Fetch the profile").click()
    assert awaited.value.suggested_filename.endswith(".mobileconfig")


@pytest.mark.nightly
def test_an_officer_exports_certificates(open_desk: OpenDesk, company: Company) -> None:
    company.request_in("completed")
    desk = open_desk(company.ada)
    desk.open(f"{reverse('console:search')}?kind=certificate")
    desk.page.locator("input[name=certificates][type=checkbox]").first.check()
    desk.press("Export certificates")
    desk.sees("1 certificate is chosen. The file holds no keys.")
    desk.page.get_by_text("LDIF, to add").click()
    desk.press("Export", status=422)
    desk.sees("None of the chosen certificates can be put into such a file.")
