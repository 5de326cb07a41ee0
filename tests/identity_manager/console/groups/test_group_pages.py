"""The pages of groups: listed, made by hand, changed by Registration Officers of all units, ended."""

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import DirectoryGroup, DirectoryMembership, Person, Role, TokenRequest
from identity_manager.people import groups
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
LIST, MAKE = reverse("console:groups"), reverse("console:group-make")
ADD, END = "Add to the group", "End the group"


@pytest.fixture
def rita(company: Company) -> Client:
    """A Registration Officer's browser."""
    return signed_in(company.rita)


def page(group: DirectoryGroup) -> str:
    return reverse("console:group", args=[group.pk])


def removal(group: DirectoryGroup, person: Person) -> str:
    return reverse("console:group-remove", args=[group.pk, person.pk])


def ending(group: DirectoryGroup) -> str:
    return reverse("console:group-end", args=[group.pk])


def members(group: DirectoryGroup) -> set[Person]:
    return {row.person for row in DirectoryMembership.objects.filter(group=group).select_related("person")}


def test_made_filled_and_ended(company: Company, rita: Client) -> None:
    assert rita.post(MAKE, {"name": "Externals"}).status_code == 302
    group = DirectoryGroup.objects.get()
    here = page(group)
    unknown = rita.post(here, {"numbers": "P-uma\nP-none"})
    assert unknown.status_code == 422
    assert "P-none" in unknown.content.decode()
    assert "P-uma" in unknown.content.decode()  # what was typed is not lost
    assert rita.post(here, {"numbers": "P-uma\r\nP-sam\r\n"}).status_code == 302
    assert "added by" in rita.get(here).content.decode()
    out = removal(group, company.uma)
    assert rita.get(out).status_code == 200
    assert rita.post(out).status_code == 302
    assert rita.post(out).status_code == 409
    assert rita.post(ending(group)).status_code == 302
    assert not TokenRequest.objects.exists()


def test_the_list_counts_members_and_leads_who_may_read_persons(company: Company, rita: Client) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    far = signed_in(officer("far", Role.TOKEN_ADMINISTRATOR, unit="Sued"))
    for browser, leads in ((rita, 1), (signed_in(company.ada), 1), (far, 0)):
        response = browser.get(LIST)
        assert [row.number for row in response.context["page"]] == [2]
        assert response.text.count(f'href="{page(group)}"') == leads
    assert far.get(page(group)).status_code == 403
    assert MAKE in rita.get(LIST).text
    assert MAKE not in far.get(LIST).text


def test_an_empty_list_says_where_groups_come_from(company: Company, rita: Client) -> None:
    assert "Directories bring theirs." in rita.get(LIST).text


def test_a_group_of_a_directory_is_read_and_not_changed(company: Company, rita: Client) -> None:
    group = standing.group("grp-vpn", company.uma)
    text = rita.get(page(group)).text
    assert "Kept by the directory corp" in text
    assert ADD not in text
    assert END not in text
    for address, form in (
        (page(group), {"numbers": "P-sam"}),
        (removal(group, company.uma), {}),
        (ending(group), {}),
    ):
        response = rita.post(address, form)
        assert response.status_code == 403
        assert str(groups.OF_A_DIRECTORY) in response.text
    assert members(group) == {company.uma}


@pytest.mark.parametrize("name", ["ada", "otto", "far"])
def test_who_keeps_no_groups_changes_none(company: Company, name: str) -> None:
    group = standing.by_hand(company.rita, company.uma)
    reader = {
        "ada": company.ada,
        "otto": officer("otto", Role.AUDITOR),
        "far": officer("far", Role.REGISTRATION_OFFICER, unit="Sued"),
    }[name]
    browser = signed_in(reader)
    answers = [
        browser.post(MAKE, {"name": "Mine"}),
        browser.post(page(group), {"numbers": "P-sam"}),
        browser.post(removal(group, company.uma)),
        browser.post(ending(group)),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert members(group) == {company.uma}
    assert DirectoryGroup.objects.get().gone_at is None


def test_nobody_puts_themselves_into_a_group(company: Company, rita: Client) -> None:
    group = standing.by_hand(company.rita)
    response = rita.post(page(group), {"numbers": f"P-uma\n{company.rita.personnel_number}"})
    assert response.status_code == 403
    assert str(groups.NOT_YOURSELF) in response.text
    assert members(group) == set()


def test_too_many_at_once_are_refused_and_kept_in_the_form(company: Company, rita: Client) -> None:
    group = standing.by_hand(company.rita)
    numbers = "\n".join(f"N-{number}" for number in range(groups.MOST_AT_ONCE + 1))
    response = rita.post(page(group), {"numbers": numbers})
    assert response.status_code == 422
    assert response.context["form"].errors == {"numbers": [str(groups.TOO_MANY_NUMBERS)]}
    assert "N-500" in response.text


def test_two_groups_by_hand_have_two_names(company: Company, rita: Client) -> None:
    standing.by_hand(company.rita, name="Externals")
    response = rita.post(MAKE, {"name": " Externals "})
    assert response.status_code == 422
    assert response.context["form"].errors == {"name": [str(groups.GROUP_NAME_TAKEN)]}
    standing.group("Externals")  # of a directory: another name space
    assert rita.post(MAKE, {"name": "Interns"}).status_code == 302


def test_the_page_that_asks_says_what_cannot_be_done(company: Company, rita: Client) -> None:
    group = standing.by_hand(company.rita, company.uma)
    assert str(groups.NO_MEMBER) in rita.get(removal(group, company.sam)).text
    assert "lose their software token" in rita.get(removal(group, company.uma)).text
    groups.end(actor=company.rita, group_id=group.pk)
    assert str(groups.GROUP_GONE) in rita.get(ending(group)).text
    ended = rita.get(page(group)).text
    assert "ended" in ended
    assert ADD not in ended


def test_a_group_names_the_standing_orders_that_follow_it(company: Company, rita: Client) -> None:
    group = standing.by_hand(company.rita, company.uma)
    assert "Standing orders that follow it" not in rita.get(page(group)).text
    standing.made(company.ada, group, name="VPN for externals")
    text = rita.get(page(group)).text
    assert "Standing orders that follow it" in text
    assert "VPN for externals" in text


def test_a_name_with_marks_of_direction_or_markup_stays_a_name(company: Company, rita: Client) -> None:
    name = '<b>"x"</b> & co'
    group = standing.by_hand(company.rita, company.uma, name=name)
    for address in (LIST, page(group), ending(group), removal(group, company.uma)):
        text = rita.get(address).text
        assert "<b>" not in text
        assert "&lt;b&gt;" in text
