"""**My file does not open** in a browser: from the words of a device to the file that it reads."""

import pytest
from django.urls import reverse

from identity_manager.models import SoftwareToken
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def test_from_the_words_to_the_file(open_desk: OpenDesk, company: Company) -> None:
    token = SoftwareToken.objects.get(request=company.request_in("completed"))
    desk = open_desk(company.uma, viewport=PHONE, color_scheme="dark")
    desk.open(reverse("selfservice:certificates"))
    desk.follow("My file does not open")
    desk.follow("Mac (Keychain)")
    desk.sees("MAC verification failed during PKCS12 import (wrong password?)")
    for fold in desk.page.locator("summary").all():
        fold.click()
    desk.look()
    desk.follow(str(token), within=desk.page.locator("#device"))
    desk.sees("How to install it: Mac (Keychain)")
    desk.sees("Send the file again")
