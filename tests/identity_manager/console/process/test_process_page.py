"""The picture of the process: on its own page, and on that of a request with its way and its place."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import RequestOrigin, RequestState
from identity_manager.workflow.diagram import state_graph
from tests.tools import cast

CHANGE = re.compile(r'class="process-line([^"]*)"\s+data-edge="[^"]*"\s+data-change="([^"]*)"')
NODE = re.compile(r'<g class="process-(task|end)([^"]*)" data-node="([^"]*)"')


def arrows(text: str, mark: str = "") -> set[str]:
    return {change for marks, change in CHANGE.findall(text) if mark in marks}


def states(text: str, mark: str = "") -> set[str]:
    return {state for _kind, marks, state in NODE.findall(text) if mark in marks}


def machine() -> set[str]:
    return {f"{each.name} {each.source} {each.target}" for each in state_graph.transitions()}


def test_its_page_shows_every_arrow_and_every_state(ada: Client) -> None:
    text = ada.get(reverse("console:process")).text

    assert arrows(text) == machine()
    assert states(text) == set(RequestState)
    assert states(text, "gone") == states(text, "now") == arrows(text, "gone") == set()
    for origin in RequestOrigin:
        assert reverse("console:process-file", args=[state_graph.beginning(origin).original]) in text


def test_no_word_of_the_picture_is_cut(ada: Client) -> None:
    ada.cookies["django_language"] = "de"
    page = ada.get(reverse("console:process")).text
    assert ' textLength="92" lengthAdjust="spacingAndGlyphs">Fehlgeschlagen</text>' in page
    assert ">Administration</text>" in page


@pytest.mark.parametrize("state", sorted(RequestState))
def test_a_request_is_marked_where_it_is(ada: Client, company: cast.Company, state: str) -> None:
    text = ada.get(reverse("console:request", args=[company.request_in(state).pk])).text

    assert states(text, "process-now") == {state}
    assert arrows(text) == machine()


def test_the_way_so_far_is_marked_and_said(ada: Client, company: cast.Company) -> None:
    text = ada.get(reverse("console:request", args=[company.request_in("rejected").pk])).text

    assert arrows(text, "gone") == {"reject requested rejected"}
    assert states(text, "process-gone") == {"requested"}
    assert "Now: Rejected. The way so far: Reject." in text
    assert text.count("Went this way") == 1
    assert "Can go this way now" not in text


def test_what_can_happen_now_is_said_in_the_list(ada: Client, company: cast.Company) -> None:
    text = ada.get(reverse("console:request", args=[company.request_in("awaiting_acceptance").pk])).text

    assert text.count("Can go this way now") == 6
    assert "Now: Waits for acceptance. The way so far: Approve, Invite." in text


@pytest.mark.parametrize("origin", RequestOrigin)
def test_the_file_bears_the_name_of_the_original(ada: Client, origin: RequestOrigin) -> None:
    original = state_graph.beginning(origin).original

    response = ada.get(reverse("console:process-file", args=[original]))

    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml"
    assert response["Content-Disposition"] == f'attachment; filename="{original}.bpmn"'
    assert f'id="{original}"' in response.text


def test_the_file_speaks_the_language_of_the_reader(ada: Client) -> None:
    address = reverse("console:process-file", args=["PstmProcRequestInitialSoftwareToken"])
    assert 'name="Waits for approval"' in ada.get(address).text
    ada.cookies["django_language"] = "de"
    assert 'name="Wartet auf Freigabe"' in ada.get(address).text


def test_another_name_is_no_file(ada: Client) -> None:
    assert ada.get(reverse("console:process-file", args=["PstmProcNothing"])).status_code == 404


def test_a_request_offers_the_file_of_its_own_beginning(ada: Client, company: cast.Company) -> None:
    request = cast.asked(company.uma, company.vpn)

    text = ada.get(reverse("console:request", args=[request.pk])).text

    assert reverse("console:process-file", args=["PstmProcRequestInitialSofttokenUSSP"]) in text
    assert reverse("console:process-file", args=["PstmProcRequestInitialSoftwareToken"]) not in text
