"""A later version of terms in Open Tasks: the task, the page, one click; what is stale or somebody else's."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from identity_manager.models import TermsAcceptance, TermsNotice, TermsVersion
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(desk: Desk) -> TermsVersion:
    """Version 2 asks uma, who holds tokens under version 1."""
    version = cast.publish_terms(desk.notice.document)
    TermsNotice.objects.filter(pk=desk.notice.pk).update(
        version=version, due_at=timezone.now() + timedelta(days=9)
    )
    return version


def address(desk: Desk) -> str:
    return page("terms-again", desk.notice.pk)


def form(version: TermsVersion) -> dict[str, str]:
    return {"accept": "on", "text": str(version.text_in("en").pk)}


def test_the_task_leads_to_the_text_and_one_click_accepts_it(
    desk: Desk, visit: Visitor, second: TermsVersion
) -> None:
    browser = visit(desk.uma)
    tasks = browser.get(page("open-tasks")).text
    assert "Accept the new version of Terms of use" in tasks
    assert address(desk) in tasks
    shown = browser.get(address(desk)).text
    assert "Text 2" in shown
    assert str(second.text_in("en").pk) in shown
    response = browser.post(address(desk), form(second))
    assert response["Location"] == page("open-tasks")
    acceptance = TermsAcceptance.objects.get(request=None)
    assert (acceptance.person, acceptance.text.version) == (desk.uma, second)
    assert address(desk) not in browser.get(page("open-tasks")).text
    assert "do not wait for your acceptance any more" in browser.get(address(desk)).text


def test_without_the_tick_nothing_is_accepted(desk: Desk, visit: Visitor, second: TermsVersion) -> None:
    response = visit(desk.uma).post(address(desk), form(second) | {"accept": ""})
    assert response.status_code == 422
    assert "Check the box if you accept." in response.text
    assert not TermsAcceptance.objects.filter(request=None).exists()


@pytest.mark.parametrize("text", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_text_that_is_none_is_refused(desk: Desk, visit: Visitor, second: TermsVersion, text: str) -> None:
    response = visit(desk.uma).post(address(desk), {"accept": "on", "text": text})
    assert response.status_code == 422
    assert not TermsAcceptance.objects.filter(request=None).exists()


def test_a_page_of_version_2_does_not_accept_version_3(
    desk: Desk, visit: Visitor, second: TermsVersion
) -> None:
    browser: Client = visit(desk.uma)
    third = cast.publish_terms(desk.notice.document)
    response = browser.post(address(desk), form(second))
    assert response.status_code == 409
    assert "The terms have changed since you opened the page." in response.text
    assert "Text 3" in response.text
    assert "checked" not in response.text
    assert not TermsAcceptance.objects.filter(request=None).exists()
    assert browser.post(address(desk), form(third)).status_code == 302


def test_it_is_there_for_nobody_else(desk: Desk, visit: Visitor, second: TermsVersion) -> None:
    browser = visit(desk.sam)
    assert browser.get(address(desk)).status_code == 404
    assert browser.post(address(desk), form(second)).status_code == 404
    assert not TermsAcceptance.objects.filter(request=None).exists()
