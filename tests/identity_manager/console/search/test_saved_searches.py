"""Saved searches: kept under a name, beside the search and on START, each officer's own."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import AuditEvent, Certificate, Role, RoleAssignment, SavedSearch
from identity_manager.people import saved_searches
from identity_manager.people.saved_searches import LIMIT
from identity_manager.transactions.refusals import NotPossible
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.database
SEARCH = reverse("console:search")
SAVED = reverse("console:saved-searches")
NEW = reverse("console:search-save")


def kept(company: cast.Company, name: str = "Active ones", query: str = "state=active") -> SavedSearch:
    return saved_searches.keep(actor=company.ada, name=name, kind="employee", query=f"kind=employee&{query}")


def test_a_search_is_kept_with_its_words_filters_and_order(ada: Client, company: cast.Company) -> None:
    query = "kind=employee&q=uma&state=active&sort=-name"
    assert f"{NEW}?{query}".replace("&", "&amp;") in ada.get(f"{SEARCH}?{query}&page=1").text

    response = ada.post(f"{NEW}?{query}", {"name": "  Uma & co  "})

    assert response["Location"] == f"{SEARCH}?{query}"
    row = SavedSearch.objects.get()
    assert (row.owner, row.name, row.kind, row.query) == (company.ada, "Uma & co", "employee", query)
    assert "Uma &amp; co" in ada.get(SEARCH).text
    assert 'aria-current="true"' in ada.get(f"{SEARCH}?{query}").text


def test_it_is_told_as_the_language_sets_it(ada: Client) -> None:
    query = {"kind": "employee", "q": "uma", "state": "active"}
    ada.cookies["django_language"] = "de"
    assert "„uma“ · " in ada.get(NEW, query).text


@pytest.mark.parametrize("address", [NEW, reverse("console:report-save", args=["expiry"])])
def test_a_name_that_is_wanted_is_not_called_optional(ada: Client, address: str) -> None:
    label = ada.get(address, {"kind": "employee"}).text.partition('for="id_name"')[2].partition("</label>")[0]
    assert "Name" in label
    assert "optional" not in label


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give the search a name."),
        ("   ", "Give the search a name."),
        ("x" * 61, "at most 60 characters"),
        ("a\u202eb", "no control characters"),
        ("ACTIVE ONES", "You have a search of this name already."),
    ],
)
def test_a_name_that_will_not_do_is_told_at_its_field(
    ada: Client, company: cast.Company, name: str, sentence: str
) -> None:
    kept(company)

    response = ada.post(f"{NEW}?kind=employee", {"name": name})

    assert response.status_code == 422
    assert sentence in response.text
    assert SavedSearch.objects.count() == 1


def test_twenty_are_enough(ada: Client, company: cast.Company) -> None:
    for number in range(LIMIT):
        kept(company, f"Search {number}")

    response = ada.post(f"{NEW}?kind=employee", {"name": "One more"})

    assert response.status_code == 422
    assert "You have 20 saved searches. Delete one first." in response.text
    assert SavedSearch.objects.count() == LIMIT


def test_a_search_that_is_too_long_is_refused(company: cast.Company) -> None:
    with pytest.raises(NotPossible) as refused:
        kept(company, query="q=" + "x" * 2000)

    assert refused.value.reason is saved_searches.TOO_LONG
    assert not SavedSearch.objects.exists()


def test_what_it_finds_now_is_told_on_its_page_and_on_start(ada: Client, company: cast.Company) -> None:
    kept(company, query="q=lindqvist")
    for page in (SAVED, reverse("console:start")):
        (saved,) = ada.get(page).context["saved"]
        assert saved.number == "1"
    cast.person("lena", surname="Lindqvist", display_name="Lena Lindqvist")

    (saved,) = ada.get(SAVED).context["saved"]
    assert saved.number == "2"
    assert len(ada.get(saved.url).context["rows"]) == 2


def test_it_can_be_renamed(ada: Client, company: cast.Company) -> None:
    row, other = kept(company), kept(company, "Other")
    address = reverse("console:saved-search-rename", args=[row.pk])
    assert 'value="Active ones"' in ada.get(address).text

    assert ada.post(address, {"name": other.name}).status_code == 422
    assert ada.post(address, {"name": "active ones"}).status_code == 302

    row.refresh_from_db()
    assert row.name == "active ones"


def test_it_can_be_deleted_after_a_question(ada: Client, company: cast.Company) -> None:
    row = kept(company)
    address = reverse("console:saved-search-delete", args=[row.pk])

    assert "Delete the search Active ones?" in ada.get(address).text
    assert SavedSearch.objects.exists()
    assert ada.post(address)["Location"] == SAVED
    assert not SavedSearch.objects.exists()
    assert ada.post(address).status_code == 404


def test_others_never_see_it(company: cast.Company) -> None:
    row = kept(company)
    otto = signed_in(cast.person("otto", roles=(Role.AUDITOR,)))

    assert otto.get(SAVED).context["saved"] == []
    for page in ("rename", "delete"):
        address = reverse(f"console:saved-search-{page}", args=[row.pk])
        assert otto.post(address, {"name": "mine"}).status_code == 404
    row.refresh_from_db()
    assert row.name == "Active ones"
    saved_searches.forget(actor=company.paul, search_id=row.pk)
    with pytest.raises(SavedSearch.DoesNotExist):
        saved_searches.rename(actor=company.paul, search_id=row.pk, name="mine")
    assert SavedSearch.objects.exists()


def test_the_same_name_is_free_for_another_officer(company: cast.Company) -> None:
    kept(company)
    saved_searches.keep(actor=company.rita, name="Active ones", kind="employee", query="kind=employee")

    assert SavedSearch.objects.count() == 2


def test_without_the_role_it_is_not_shown_and_with_it_again(ada: Client, company: cast.Company) -> None:
    saved_searches.keep(actor=company.ada, name="Failed", kind="request", query="kind=request&state=failed")
    RoleAssignment.objects.filter(person=company.ada).update(role=Role.REGISTRATION_OFFICER)
    assert ada.get(SAVED).context["saved"] == []

    RoleAssignment.objects.filter(person=company.ada).update(role=Role.TOKEN_ADMINISTRATOR)
    assert len(ada.get(SAVED).context["saved"]) == 1


def test_an_approver_keeps_searches_of_requests(paul: Client, company: cast.Company) -> None:
    query = "kind=request&state=requested"
    response = paul.post(f"{NEW}?{query}", {"name": "To do"})

    assert response["Location"] == f"{reverse('console:requests')}?{query}"
    assert "To do" in paul.get(response["Location"]).text


def test_a_bookmark_of_ones_own_is_no_event(ada: Client, company: cast.Company) -> None:
    events = AuditEvent.objects.count()
    kept(company)

    assert AuditEvent.objects.count() == events


def test_no_saved_search_says_how_to_make_one(ada: Client) -> None:
    assert "click Save this search" in ada.get(SAVED).text


@pytest.mark.parametrize("query", ["kind=employee&state=gone", "kind=employee&expires_before=never"])
def test_nonsense_cannot_be_kept(ada: Client, query: str) -> None:
    assert ada.get(f"{NEW}?{query}").status_code == 404
    assert ada.post(f"{NEW}?{query}", {"name": "x"}).status_code == 404
    assert not SavedSearch.objects.exists()


def test_one_that_makes_no_sense_any_more_opens_with_the_reason(ada: Client, company: cast.Company) -> None:
    kept(company, query="token_type=gone")

    (saved,) = ada.get(SAVED).context["saved"]
    assert saved.number == "0"
    assert ada.get(saved.url).status_code == 422


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("certificate", "state=valid&expires_within=30"),
        ("employee", "expires_within=30"),
    ],
)
def test_what_ends_soon_is_counted_from_the_day_of_looking(
    ada: Client, company: cast.Company, kind: str, query: str
) -> None:
    cast.issued(company.request_in("issuing"))
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=50))
    saved_searches.keep(actor=company.ada, name="Soon", kind=kind, query=f"kind={kind}&{query}")
    assert numbers(ada) == ["0"]

    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert numbers(signed_in(company.ada)) == ["1"]


def test_what_ended_lately_is_counted_from_the_day_of_looking(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    saved_searches.keep(
        actor=company.ada, name="Done", kind="request", query="kind=request&state=completed&ended_within=7"
    )
    assert numbers(ada) == ["1"]

    with time_machine.travel(timezone.now() + timedelta(days=9)):
        assert numbers(signed_in(company.ada)) == ["0"]


def test_what_start_leads_to_is_saved_without_a_day(ada: Client, company: cast.Company) -> None:
    cast.issued(company.request_in("issuing"))
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=10))
    start = ada.get(reverse("console:start"))
    (figure,) = start.context["expiring"]
    address = f"{NEW}?{figure.url.partition('?')[2]}"
    assert "within 30 days" in ada.get(address).text

    ada.post(address, {"name": "Soon"})

    assert SavedSearch.objects.get().query == "kind=certificate&state=valid&expires_within=30"
    assert not any(re.search(r"\d{4}-\d\d-\d\d", each.url) for each in start.context["under_way"])


def test_a_search_with_days_of_its_own_goes_on(ada: Client, company: cast.Company) -> None:
    cast.issued(company.request_in("issuing"))
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=10))
    day = f"{timezone.localdate() + timedelta(days=30):%Y-%m-%d}"
    saved_searches.keep(
        actor=company.ada, name="Old", kind="certificate", query=f"kind=certificate&expires_before={day}"
    )
    assert numbers(ada) == ["1"]


def numbers(browser: Client) -> list[str]:
    """What the saved searches find, as START says it; and as each list does."""
    saved = browser.get(reverse("console:start")).context["saved"]
    assert [len(browser.get(each.url).context["rows"]) for each in saved] == [
        each.found.count for each in saved
    ]
    return [each.number for each in saved]
