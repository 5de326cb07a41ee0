"""The frame of the pages: who is here, in which language and zone, which tabs, how many tasks."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation

from identity_manager.account.middleware import PersonMiddleware
from identity_manager.models import Account, Role
from identity_manager.ui.context import Portal
from tests.tools.cast import Company


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def visit(user, **cookies):
    """Return the request as a view would find it, and what it would find active."""
    request = RequestFactory().get("/")
    request.user = user
    request.COOKIES.update(cookies)
    found = {}

    def view(request):
        found["language"] = translation.get_language()
        found["zone"] = timezone.get_current_timezone_name()
        return HttpResponse()

    PersonMiddleware(view)(request)
    return request, found


def account_of(person):
    return Account.objects.create_account(username=person.personnel_number, person=person, password=None)


def speaking(person, language="de", zone="Asia/Tokyo"):
    person.language, person.time_zone = language, zone
    person.save()
    return account_of(person)


def test_nobody_is_signed_in(db):
    request, found = visit(AnonymousUser())
    assert request.person is None
    assert found["language"] == "en"


def test_a_person_is_spoken_to_in_their_language_and_zone(company):
    request, found = visit(speaking(company.uma))
    assert request.person == company.uma
    assert found == {"language": "de", "zone": "Asia/Tokyo"}


def test_the_zone_does_not_outlive_the_request(company):
    visit(speaking(company.uma))
    assert timezone.get_current_timezone_name() != "Asia/Tokyo"


def test_a_language_chosen_on_this_browser_goes_first(company):
    _request, found = visit(speaking(company.uma), django_language="en")
    assert found["language"] == "en"


def test_a_zone_that_nobody_knows_is_the_installations(company):
    _request, found = visit(speaking(company.uma, zone="Moon/Tranquility"))
    assert found["zone"] == timezone.get_default_timezone_name()


def test_who_is_not_signed_in_may_choose_the_language(db):
    client = Client()
    answer = client.post("/i18n/setlang/", {"language": "de", "next": "/account/login/"})
    assert answer["Location"] == "/account/login/"
    assert client.cookies["django_language"].value == "de"


def portal_of(person):
    request = RequestFactory().get("/")
    request.person = person
    return Portal(request)


def test_tabs_follow_the_roles(company):
    ada, uma = portal_of(company.ada), portal_of(company.uma)
    assert (ada.is_officer, ada.may_search, ada.may_see_requests) == (True, True, True)
    assert (uma.is_officer, uma.may_search, uma.may_see_requests, uma.may_administer) == (False,) * 4
    assert ada.console_url
    assert uma.console_url == ""


def test_nobody_has_nothing():
    nobody = portal_of(None)
    assert (nobody.name, nobody.roles, nobody.own_tasks) == ("", frozenset(), 0)


def test_the_frame_asks_the_database_only_when_asked(company, django_assert_num_queries):
    with django_assert_num_queries(0):
        portal = portal_of(company.uma)
    with django_assert_num_queries(1):
        assert portal.own_tasks == portal.own_tasks == 0


@override_settings(SELFSERVICE_BASE_URL="https://self.example.com")
def test_the_other_portal_is_offered_to_who_may_use_it(company):
    company.ada.roles.create(role=Role.SELF_SERVICE_USER)
    assert portal_of(company.ada).selfservice_url == "https://self.example.com/my/"


@pytest.mark.parametrize("base", ["identity_manager/base.html", "selfservice/base.html"])
def test_a_base_has_landmarks_and_ways_out(company, base):
    request = RequestFactory().get("/")
    request.person, request.user, request.session = company.ada, account_of(company.ada), {}
    drawn = render_to_string(base, {"tab": "search"}, request)
    assert 'href="#content"' in drawn
    assert "<header" in drawn
    assert "<nav" in drawn
    assert '<main class="page" id="content"' in drawn
    assert 'action="/account/logout/"' in drawn
    assert "historyCacheSize" in drawn
