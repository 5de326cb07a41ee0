"""Standing orders in Identity Manager: made, put in force and explained, by the pages."""

import re

import pytest
from django.urls import reverse
from django.utils.translation import gettext, override

from identity_manager.console.api_clients import forms as api_clients
from identity_manager.console.directory import forms as directory
from identity_manager.console.groups import forms as groups
from identity_manager.console.standing_orders.forms import NOT_CHOSEN
from identity_manager.models import (
    Role,
    SavedSearch,
    StandingOrder,
)
from identity_manager.workflow.standing_orders import orders
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
MAKE = reverse("console:standing-order-make")
LIST = reverse("console:standing-orders")


def page(order: StandingOrder, name: str = "") -> str:
    return reverse(f"console:standing-order{name}", args=[order.pk])


def form(**more: str) -> dict[str, str]:
    return {"name": "VPN for all", "basis": "group", "type_code": "vpn", "loss_rule": "revoke"} | more


def test_without_any_who_may_make_one_is_led_there(company: Company) -> None:
    auditor = cast.person("otto", sid="", roles=(Role.AUDITOR,))
    for actor, leads in ((company.ada, 2), (auditor, 0)):
        told = signed_in(actor).get(LIST).content.decode()
        assert "No standing order yet" in told
        assert told.count(f'href="{MAKE}"') == leads


def test_from_the_form_to_the_person_s_page(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    ada, olga = signed_in(company.ada), signed_in(standing.olga())
    assert ada.post(MAKE, form()).status_code == 422  # no group was chosen
    assert ada.post(MAKE, form(group=str(group.pk))).status_code == 302
    order = standing.planned(StandingOrder.objects.get())

    own = ada.get(page(order)).content.decode()
    assert "Another officer decides on it." in own
    assert "Uma Lindqvist" in own
    assert ada.post(page(order, "-put-in-force"), {"seen": orders.seen_of(order)}).status_code == 403
    stale = olga.post(page(order, "-put-in-force"), {"seen": "yesterday"})
    assert stale.status_code == 409
    assert "The dry run was made anew" in stale.content.decode()
    assert olga.post(page(order, "-put-in-force"), {"seen": orders.seen_of(order)}).status_code == 302
    standing.planned(order)

    told = ada.get(reverse("console:person", args=[company.uma.pk])).content.decode()
    assert "because of" in told
    assert "grp-vpn" in told
    assert "VPN for all" in ada.get(LIST).content.decode()
    assert olga.post(page(order, "-pause")).status_code == 302
    assert olga.post(page(order, "-resume")).status_code == 302
    assert olga.post(page(order, "-ask-again")).status_code == 409
    assert olga.post(page(order, "-end")).status_code == 302
    assert StandingOrder.objects.get().state == "ended"


def test_a_saved_search_is_followed_as_it_is_now(company: Company) -> None:
    cast.person("there", sid="", department="Lab")
    ada = signed_in(company.ada)
    row = SavedSearch.objects.create(
        owner=company.ada, name="Lab", kind="employee", query="kind=employee&q=&department=Lab"
    )
    feeds = SavedSearch.objects.create(
        owner=company.ada, name="Without", kind="employee", query="kind=employee&q=&token_type=none"
    )
    mine = form(basis="search", search=str(feeds.pk))
    refused = ada.post(MAKE, mine)
    assert refused.status_code == 422
    assert "A standing order follows words" in refused.content.decode()
    foreign = SavedSearch.objects.create(owner=company.rita, name="Hers", kind="employee", query="q=x")
    assert ada.post(MAKE, mine | {"search": str(foreign.pk)}).status_code == 422

    assert ada.post(MAKE, mine | {"search": str(row.pk)}).status_code == 302
    order = standing.planned(StandingOrder.objects.get())
    assert (order.criteria, order.figures["members"]) == ({"department": "Lab", "kind": "employee"}, 1)


def test_who_does_not_read_persons_of_every_unit_sees_numbers_alone(company: Company) -> None:
    order = standing.in_force(company.ada, standing.group("grp-vpn", company.uma))
    lara = cast.person("lara", sid="", roles=())
    lara.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Nord")
    text = signed_in(lara).get(page(order)).content.decode()
    assert "Uma Lindqvist" not in text
    assert "all units see who they are" in text


def test_numbers_that_are_older_than_the_list_are_said_to_be(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.made(company.ada, group)
    ada = signed_in(company.ada)
    older = "Nobody now: the numbers are those of the last count."
    assert order.figures["gain"] == 1
    assert older not in ada.get(page(order)).content.decode()
    standing.leaves(group, company.uma)
    assert older in ada.get(page(order)).content.decode()
    assert older not in ada.get(f"{page(order)}?outcome=lose").content.decode()  # nobody then, nobody now


def test_a_token_type_is_told_by_its_name(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.made(company.ada, group)
    ada, olga = signed_in(company.ada), signed_in(standing.olga())
    tasks = olga.get(reverse("console:approvals")).content.decode()
    assert '<td class="" data-label="Token type">VPN</td>' in tasks
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    company.vpn.retire()
    company.vpn.save()
    standing.planned(order)
    assert "The token type VPN was withdrawn." in ada.get(page(order)).content.decode()
    assert ">VPN</td>" in ada.get(LIST).content.decode()


def test_a_name_is_asked_for_and_not_called_optional(company: Company) -> None:
    for person, address in ((company.ada, MAKE), (company.rita, reverse("console:group-make"))):
        visitor = signed_in(person)
        assert visitor.get(address).context["form"].fields["name"].required
        assert visitor.post(address, form(name="")).status_code == 422


@pytest.mark.parametrize("language", ["en", "de", "sv", "fr"])
def test_the_fields_of_which_one_is_wanted_are_one_group(company: Company, language: str) -> None:
    """A fieldset with the choice as its legend: a screen reader says it at each of the fields."""
    company.ada.language = language
    company.ada.save()
    text = " ".join(signed_in(company.ada).get(MAKE).content.decode().split())
    [group] = re.findall(r'<fieldset class="field one-of"(.*?)</fieldset>', text)
    with override(language):
        label, mark, optional = map(gettext, ("Who has the token type", "(one of these)", "(optional)"))
        assert f'<legend class="field-label">{label}</legend>' in group
        assert 'aria-describedby="id_basis_helptext"' in group
        assert gettext("Fill in the field of what you choose, and leave the two others empty.") in group
        assert (group.count(mark), group.count(optional), text.count(optional)) == (3, 0, 1)
    for name in ("group", "unit", "search"):
        assert f'<label class="field-label" for="id_{name}">' in group
        assert f'name="{name}"' in group


def test_only_the_field_of_the_choice_is_filled_in(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    both = signed_in(company.ada).post(MAKE, form(group=str(group.pk), unit="Nord"))
    assert both.status_code == 422
    assert both.context["form"].errors == {"unit": [NOT_CHOSEN]}
    assert "Nord" in both.content.decode()  # what was typed is not lost
    assert not StandingOrder.objects.exists()


def test_what_a_verb_demands_is_not_called_optional() -> None:
    for each, names in (
        (groups.MembersForm(), ["numbers"]),
        (directory.DropForm(), ["reason"]),
        (directory.TokenForm(), ["name"]),
        (api_clients.ClientForm(), ["name", "scopes"]),
    ):
        assert [name for name in names if not each.fields[name].required] == []
