"""Attacks on replacement: old pages, tokens of others, stolen sessions, officers, imports."""

from datetime import timedelta
from http import HTTPStatus

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import Person, Role, SignInCode, SoftwareToken, TokenRequest
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step1_replace, step2_approve
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.workflow.replacement.conftest import Tokens, encryption, order_of, replaced
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def whole() -> list[tuple[object, ...]]:
    """All tokens with their states."""
    return list(SoftwareToken.objects.order_by("pk").values_list("pk", "state"))


def page_of(tokens: Tokens) -> dict[str, object]:
    """What the browser sends from the page that named these tokens."""
    return {"cause": "stolen", "tokens": [str(each.pk) for each in tokens.values()]}


def test_a_click_that_is_replayed_revokes_nothing_new(company: Company, tokens: Tokens) -> None:
    browser, address = signed_in(company.uma, 0), reverse("selfservice:replace")
    sent = page_of(tokens) | {"encryption": [str(pk) for pk in encryption("mail", "cipher")]}
    assert browser.post(address, sent).status_code == HTTPStatus.FOUND
    before = whole()
    answer = browser.post(address, sent)
    assert answer.status_code in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
    assert whole() == before
    assert TokenRequest.objects.filter(kind="replacement").count() == 1


def test_a_page_that_is_older_than_a_token_revokes_nothing(company: Company, tokens: Tokens) -> None:
    """The token that came meanwhile was not on it."""
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, cast.token_type("later"))))
    before = whole()
    answer = signed_in(company.uma, 0).post(reverse("selfservice:replace"), page_of(tokens))
    assert answer.status_code == HTTPStatus.CONFLICT
    text = answer.content.decode()
    assert "Your software tokens have changed since you opened the page." in text
    assert "LATER" in text
    assert whole() == before


def test_a_page_without_its_tokens_revokes_nothing(company: Company, tokens: Tokens) -> None:
    before = whole()
    answer = signed_in(company.uma, 0).post(reverse("selfservice:replace"), {"cause": "stolen"})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert whole() == before


def test_nobody_replaces_the_token_of_another(company: Company, tokens: Tokens) -> None:
    before, vpn = whole(), tokens["vpn"].pk
    browser = signed_in(company.sam, 0)
    assert browser.post(reverse("selfservice:replace-one", args=[vpn])).status_code == HTTPStatus.NOT_FOUND
    named = browser.post(reverse("selfservice:replace"), page_of(tokens))
    assert named.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    with pytest.raises(Stale):
        step1_replace.replace(actor=company.sam, order=order_of(company.sam, only=vpn))
    with pytest.raises(NotAllowed):
        step1_replace.replace_for(actor=company.paul, person_id=company.uma.pk, order=order_of(company.uma))
    assert whole() == before


def test_keys_are_recovered_after_ones_own_replacement_alone(company: Company, tokens: Tokens) -> None:
    done = replaced(company.uma)
    assert done.request is not None
    address = reverse("selfservice:replaced-keys", args=[done.request.pk])
    assert signed_in(company.sam, 0).get(address).status_code == HTTPStatus.NOT_FOUND
    other = reverse("selfservice:replaced-keys", args=[tokens["vpn"].request_id])
    assert signed_in(company.uma, 0).get(other).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("actor", ["uma", "ada"])
def test_a_session_that_is_not_fresh_is_asked_for_the_password(
    company: Company, tokens: Tokens, actor: str
) -> None:
    before = whole()
    portal = {
        "uma": (reverse("selfservice:replace"), page_of(tokens)),
        "ada": (reverse("console:person-replace", args=[company.uma.pk]), {"cause": "stolen"}),
    }
    address, sent = portal[actor]
    browser = signed_in(getattr(company, actor), 0)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        answer = browser.post(address, sent)
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert whole() == before


def test_officers_who_replace_for_themselves_need_an_approver(company: Company) -> None:
    """Where the type wants none, too; and they do not decide themselves."""
    request = cast.approved(company.paul, cast.enabled(company.ada, company.ada, company.vpn))
    cast.delivered(cast.issued(cast.accepted(request)))
    cast.noted(request.tokens.get())
    done = step1_replace.replace_for(actor=company.ada, person_id=company.ada.pk, order=order_of(company.ada))
    assert done.request is not None
    assert (done.request.state, done.request.approvals_needed) == ("requested", 1)
    with pytest.raises(NotAllowed):
        step2_approve.approve(
            actor=company.ada, request_id=done.request.pk, snapshot_hash=done.request.snapshot_hash
        )


def test_who_made_a_sign_in_code_does_not_replace(company: Company, tokens: Tokens) -> None:
    """One person with both roles would hand themselves tokens of somebody else."""
    both = cast.person("bo", roles=(Role.REGISTRATION_OFFICER, Role.TOKEN_ADMINISTRATOR))
    newcomer = cast.person("nina", sid="", roles=())
    cast.noted(cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, newcomer)))).tokens.get())
    SignInCode.objects.create(
        person=newcomer,
        asked_by=both,
        needs_confirmation=False,
        made_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=7),
    )
    before = whole()
    with pytest.raises(NotAllowed) as refused:
        step1_replace.replace_for(actor=both, person_id=newcomer.pk, order=order_of(newcomer))
    assert refused.value.reason.code == "made-a-code"
    assert whole() == before


def test_an_administrator_of_another_unit_does_not_replace(company: Company, tokens: Tokens) -> None:
    company.ada.roles.update(organisational_unit="Sued")
    ada = Person.objects.get(pk=company.ada.pk)
    with pytest.raises(NotAllowed):
        step1_replace.replace_for(actor=ada, person_id=company.uma.pk, order=order_of(company.uma))


def test_an_approver_who_started_it_does_not_approve(company: Company, tokens: Tokens) -> None:
    company.ada.roles.create(role="approver")
    tokens["vpn"].required_type.__class__.objects.filter(code="vpn").update(approval="always")
    ada = Person.objects.get(pk=company.ada.pk)
    done = step1_replace.replace_for(actor=ada, person_id=company.uma.pk, order=order_of(company.uma))
    assert done.request is not None
    with pytest.raises(NotAllowed):
        step2_approve.approve(actor=ada, request_id=done.request.pk, snapshot_hash=done.request.snapshot_hash)


def test_who_is_locked_gets_nothing(company: Company, tokens: Tokens) -> None:
    order = order_of(company.uma)
    leave_and_return.lock(
        actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.CESSATION_OF_OPERATION
    )
    for verb in (
        lambda: step1_replace.replace(actor=company.uma, order=order),
        lambda: step1_replace.replace_for(actor=company.ada, person_id=company.uma.pk, order=order),
    ):
        with pytest.raises(NotPossible):
            verb()
    assert not TokenRequest.objects.filter(kind="replacement").exists()


def test_terms_that_nobody_has_accepted_are_not_accepted_by_a_form(company: Company, tokens: Tokens) -> None:
    version = cast.publish_terms(cast.terms())
    done = replaced(company.uma, terms_shown={text.pk for text in version.texts.all()})
    assert done.request is not None
    assert done.request.state == "awaiting_acceptance"


def test_an_officer_accepts_no_terms_for_the_person(company: Company, tokens: Tokens) -> None:
    done = step1_replace.replace_for(actor=company.ada, person_id=company.uma.pk, order=order_of(company.uma))
    assert done.request is not None
    assert done.request.state == "awaiting_acceptance"
