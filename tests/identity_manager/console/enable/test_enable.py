"""Step 1 on the page: choices, what will happen, and what a forged form gets."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.models import CaOrder
from identity_manager.models import (
    ApprovalPolicy,
    Person,
    PersonState,
    RequestState,
    SignInCode,
    TokenRequest,
    TokenType,
    VersionState,
)
from identity_manager.workflow.policy import eligibility
from tests.tools import cast
from tests.tools.sign_in import signed_in


@pytest.fixture
def address(company: cast.Company) -> str:
    return enabling(company.uma)


def enabling(person: Person) -> str:
    return reverse("console:enable", args=[person.pk])


def outlook(client: Client, address: str, *types: object) -> str:
    """What is said while boxes are checked."""
    response = client.get(address, {"types": list(types)}, headers={"HX-Request": "true"})
    return response.text


def test_the_page_says_whom_it_is_about_and_what_can_be_checked(ada: Client, address: str) -> None:
    text = ada.get(address).text

    for words in (
        "Uma Lindqvist",
        "P-uma",
        "Research",
        "uma@example.com",
        "VPN",
        "SIGNATURE",
        "1 certificate",
    ):
        assert words in text


def test_what_is_left_of_a_contract_is_said(
    ada: Client, company: cast.Company, address: str, settings: Settings
) -> None:
    assert "certificates left" not in outlook(ada, address, company.vpn.pk)
    bought = {"certificates": 500, "since": "2020-01-01"}
    corporate = settings.CA_CONNECTORS["corporate"] | {"ALLOWANCE": bought}
    settings.CA_CONNECTORS = settings.CA_CONNECTORS | {"corporate": corporate}
    order_of_a_ca("corporate", state="issued", serial_hex="01", issuer="CN=x")
    order_of_a_ca("corporate", state="pending")
    order_of_a_ca("corporate", state="refused")
    order_of_a_ca("elsewhere", state="pending")

    assert "“corporate”: 498 of 500 certificates left; this takes 1." in outlook(ada, address, company.vpn.pk)


def order_of_a_ca(ca: str, **fields: Any) -> CaOrder:
    now, number = timezone.now(), CaOrder.objects.count()
    return CaOrder.objects.create(
        ca=ca,
        idempotency_key=str(number),
        csr=b"",
        content={},
        public_key_sha256=bytes([number]) * 32,
        not_before=now,
        not_after=now,
        **fields,
    )


def test_a_type_that_changed_while_the_page_was_open_is_told_in_words(
    ada: Client, company: cast.Company, address: str
) -> None:
    """Another version was put in force, or none is offered any more: no identifier is read to anybody."""
    TokenType.objects.filter(pk=company.vpn.pk).update(state=VersionState.RETIRED)
    response = ada.post(address, {"types": [str(company.vpn.pk)]})
    assert response.status_code == 422
    assert "What was checked is not offered any more as it was." in response.text
    assert str(company.vpn.pk) not in response.text


def test_without_active_types_the_page_says_who_sets_them_up(ada: Client, address: str) -> None:
    TokenType.objects.update(state=VersionState.RETIRED)
    text = ada.get(address).text
    assert "No token type can be handed out" in text
    assert ">Next<" not in text


def test_next_opens_the_request_and_leads_to_its_page(
    ada: Client, address: str, company: cast.Company
) -> None:
    response = ada.post(address, {"types": [company.vpn.pk, company.signature.pk]}, follow=True)

    request = TokenRequest.objects.get()
    assert response.redirect_chain == [(reverse("console:request", args=[request.pk]), 302)]
    assert "The request for Uma Lindqvist is opened." in response.text
    assert {token.token_type for token in request.tokens.all()} == {company.vpn, company.signature}
    assert request.requested_by == company.ada


def test_nothing_checked_is_an_error_at_the_field(ada: Client, address: str) -> None:
    response = ada.post(address, {})

    assert response.status_code == 422
    assert response.context["form"].errors == {"types": ["Check at least one software token type."]}
    assert not TokenRequest.objects.exists()


@pytest.mark.parametrize("forged", ["00000000-0000-0000-0000-000000000000", "vpn", "'; DROP TABLE"])
def test_a_type_that_is_not_offered_is_refused(ada: Client, address: str, forged: str) -> None:
    response = ada.post(address, {"types": [forged]})

    assert response.status_code == 422
    assert "types" in response.context["form"].errors
    assert not TokenRequest.objects.exists()


def test_a_type_that_the_person_has_is_shown_with_the_reason_and_refused(
    ada: Client, address: str, company: cast.Company
) -> None:
    company.request_in(RequestState.AWAITING_ACCEPTANCE)

    assert "A request for this type is under way." in ada.get(address).text
    response = ada.post(address, {"types": [company.vpn.pk]})
    assert response.status_code == 422
    assert "A request for this type is under way." in str(response.context["form"].errors["types"])
    assert TokenRequest.objects.count() == 1


def test_a_forged_form_with_one_good_and_one_bad_type_opens_nothing(
    ada: Client, address: str, company: cast.Company
) -> None:
    external_only = cast.token_type("external", kinds=["external"])

    response = ada.post(address, {"types": [company.vpn.pk, external_only.pk]})

    assert response.status_code == 422
    assert not TokenRequest.objects.exists()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (PersonState.REGISTERED, "This person is registered but not Active yet."),
        (PersonState.INACTIVE, "This person is Inactive. Activate the person first."),
        (PersonState.LOCKED, "This person is Locked for good."),
    ],
)
def test_a_person_who_is_not_active_cannot_be_enabled(
    ada: Client, company: cast.Company, state: str, reason: str
) -> None:
    ines = cast.person("ines", state=state)

    page = ada.get(enabling(ines))
    forged = ada.post(enabling(ines), {"types": [company.vpn.pk]})

    assert reason in page.text
    assert ">Next<" not in page.text
    assert forged.status_code == 422
    assert reason in forged.text
    assert not TokenRequest.objects.exists()


def test_who_lost_the_mail_address_meanwhile_is_refused_with_the_reason(
    ada: Client, address: str, company: cast.Company
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(email="")

    response = ada.post(address, {"types": [company.vpn.pk]})

    assert response.status_code == 422
    assert "no e-mail address" in response.text


def test_the_outlook_comes_alone_while_boxes_are_checked(
    ada: Client, address: str, company: cast.Company
) -> None:
    text = outlook(ada, address, company.vpn.pk)

    assert "<html" not in text
    assert "Nobody has to approve this." in text
    assert "Uma gets a mail at uma@example.com." in text
    assert "After Uma accepts the terms (Terms, version 1), 1 certificate is issued" in text


def test_the_outlook_names_who_decides(ada: Client, address: str, company: cast.Company) -> None:
    assert "Petra Novák or Paul Weber decides." in outlook(ada, address, company.signature.pk)


def test_the_outlook_says_when_two_decide(ada: Client, address: str, company: cast.Company) -> None:
    strict = cast.token_type("strict", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)

    assert "2 approvers decide." in outlook(ada, address, strict.pk)


def test_the_outlook_says_when_nobody_could_decide(ada: Client, address: str, company: cast.Company) -> None:
    company.paul.roles.all().delete()
    company.petra.roles.all().delete()

    assert "Nobody can approve this" in outlook(ada, address, company.signature.pk)


def test_the_outlook_says_how_the_person_will_sign_in(
    ada: Client, address: str, company: cast.Company
) -> None:
    assert "Needs a sign-in code" in outlook(ada, address, company.vpn.pk)


def test_who_enables_themselves_is_told_that_somebody_decides(ada: Client, company: cast.Company) -> None:
    assert "decides" in outlook(ada, enabling(company.ada), company.vpn.pk)


def test_the_outlook_ignores_what_cannot_be_had(ada: Client, address: str) -> None:
    assert "Check at least one type" in outlook(
        ada, address, "nonsense", "00000000-0000-0000-0000-000000000000"
    )


def test_without_scripts_what_was_checked_stays_checked(
    ada: Client, address: str, company: cast.Company
) -> None:
    text = ada.get(address, {"types": [company.vpn.pk]}).text

    assert "<html" in text
    assert re.search(rf'value="{company.vpn.pk}"[^>]* checked', text)
    assert "Nobody has to approve this." in text


def test_an_approver_cannot_enable(address: str, company: cast.Company) -> None:
    assert signed_in(company.paul).post(address, {"types": [company.vpn.pk]}).status_code == 403
    assert not TokenRequest.objects.exists()


def test_who_made_the_sign_in_code_reads_why_somebody_else_enables(
    ada: Client, address: str, company: cast.Company
) -> None:
    SignInCode.objects.create(
        person=company.uma, asked_by=company.ada, needs_confirmation=False, used_at=timezone.now()
    )

    page = ada.get(address).content.decode()

    assert str(eligibility.MADE_A_CODE) in page
    assert ">Next<" not in page
