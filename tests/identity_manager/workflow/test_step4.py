"""Step 4: exactly these terms, for exactly this snapshot, by the person alone; nothing is asked before."""

import pytest

from ca_bridge.models import CaOrder
from identity_manager.models import Certificate, Person, TermsAcceptance
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step4_accept
from identity_manager.workflow.policy import eligibility
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def test_no_key_and_no_order_before_acceptance(company: Company) -> None:
    company.request_in("awaiting_acceptance")

    assert not Certificate.objects.exists()
    assert not CaOrder.objects.exists()


def test_acceptance_is_kept_with_the_text_that_was_read(company: Company) -> None:
    request = cast.accepted(company.request_in("awaiting_acceptance"))

    acceptance = TermsAcceptance.objects.get()
    assert (acceptance.request, acceptance.person) == (request, company.uma)
    assert acceptance.sha256 == acceptance.text.sha256
    assert Certificate.objects.filter(state="ordered", private_key_wrapped=None).count() == 1


def test_one_certificate_for_each_profile(company: Company) -> None:
    pair = cast.token_type("pair", profiles=("signing", "encryption"))

    cast.accepted(cast.enabled(company.ada, company.uma, pair))

    assert [row.profile.code for row in Certificate.objects.all()] == ["signing", "encryption"]


@pytest.mark.parametrize("name", ["ada", "paul", "sam"])
def test_nobody_else_accepts_or_declines(company: Company, name: str) -> None:
    request = company.request_in("awaiting_acceptance")
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    actor = getattr(company, name)

    with pytest.raises(NotAllowed) as refusal:
        step4_accept.accept(
            actor=actor, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=texts
        )
    assert refusal.value.reason == eligibility.NOT_YOURS
    with pytest.raises(NotAllowed):
        step4_accept.decline(actor=actor, request_id=request.pk, reason="")


def test_terms_that_changed_meanwhile_are_read_again(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    cast.publish_terms(cast.terms())

    with pytest.raises(Stale) as refusal:
        step4_accept.accept(
            actor=company.uma, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=texts
        )

    assert refusal.value.reason == step4_accept.OTHER_TERMS
    assert cast.accepted(request).state == "issuing"


def test_no_terms_no_acceptance(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")

    with pytest.raises(Stale):
        step4_accept.accept(
            actor=company.uma, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=[]
        )


def test_a_forged_hash_is_stale(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]

    with pytest.raises(Stale):
        step4_accept.accept(actor=company.uma, request_id=request.pk, snapshot_hash="f" * 64, text_ids=texts)


def test_a_person_who_changed_does_not_accept(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    Person.objects.filter(pk=company.uma.pk).update(surname="Berg-Lindqvist")

    with pytest.raises(Stale) as refusal:
        cast.accepted(request)

    assert refusal.value.reason == step4_accept.PERSON_CHANGED


def test_an_inactive_person_does_not_accept(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    company.uma.deactivate()
    company.uma.save()

    with pytest.raises(NotPossible):
        cast.accepted(request)
