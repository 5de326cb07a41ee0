"""A target for sign-in: authentication certificates alone, by two officers, and gone with the revocation."""

from typing import Any

import pytest

from identity_manager.models import HoldBack, Placement, PlacementState
from identity_manager.models.requests.certificate import CertificateState
from identity_manager.targets import connectors
from identity_manager.targets.configuration import SIGN_IN, parse
from identity_manager.transactions.refusals import NotAllowed, NotPossible
from identity_manager.workflow.targets import drift, uses
from tests.tools import targets
from tests.tools.cast import Company, profile, token_type
from tests.tools.gateways import MAIL_KEY
from tests.tools.targets import FakeTarget, administrator, review, serve

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MARK = "ab" * 32


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, settings: Any, company: Company) -> FakeTarget:
    fake = targets.install(monkeypatch, settings)
    options = {
        "url": "ldaps://dc1.example.test",
        "bind_dn": "CN=mapper,DC=example,DC=test",
        "base": "DC=example,DC=test",
        "match": "userPrincipalName",
    }
    given = {"kind": SIGN_IN, "identity": "upn", "options": options}
    settings.TARGETS = {targets.NAME: parse(targets.NAME, given, secret="x")}
    fake.places = {company.uma.upn: "entry-of-uma"}
    monkeypatch.setitem(connectors.CONNECTORS, SIGN_IN, lambda _configuration: fake)
    return fake


def test_a_type_without_a_certificate_for_signing_in_is_refused(target: FakeTarget) -> None:
    profile("mail", **MAIL_KEY)
    token_type("mail-only", profiles=("mail",))
    with pytest.raises(NotPossible, match="no certificate for signing in"):
        uses.ask(actor=administrator("sven"), target="corp", type_code="mail-only", hold_back=HoldBack.ISSUED)


def test_one_officer_alone_switches_nothing_on(target: FakeTarget, company: Company) -> None:
    sven = administrator("sven")
    targets.mail_type()
    use = uses.ask(actor=sven, target="corp", type_code="mail", hold_back=HoldBack.ISSUED)
    with pytest.raises(NotAllowed):
        uses.confirm(actor=sven, use_id=use.pk)
    targets.token_of(company)
    serve()
    assert not Placement.objects.exists()


def test_it_is_added_with_the_issue_and_only_what_signs_in(target: FakeTarget, company: Company) -> None:
    targets.switched_on(HoldBack.ISSUED)
    token = targets.token_of(company)
    serve()
    row = targets.placement(token)
    assert row.certificate.profile.purpose == "authentication"
    assert row.state == PlacementState.THERE
    assert target.entries["entry-of-uma"] == [row.certificate.der]


def test_it_is_removed_at_once_with_the_decision_to_revoke(target: FakeTarget, company: Company) -> None:
    """Before the CA has been asked: faster than any CRL."""
    targets.switched_on(HoldBack.ISSUED)
    token = targets.token_of(company)
    serve()
    row = targets.placement(token).certificate
    row.revocation_decided_at = row.created_at
    row.save()
    review(token)
    serve()
    assert target.entries["entry-of-uma"] == []
    row.refresh_from_db()
    assert row.state == CertificateState.VALID


def test_it_is_removed_with_the_lock_of_the_person(target: FakeTarget, company: Company) -> None:
    targets.switched_on(HoldBack.ISSUED)
    token = targets.token_of(company)
    serve()
    type(company.uma).objects.filter(pk=company.uma.pk).update(state="locked")
    review(token)
    serve()
    assert target.entries["entry-of-uma"] == []


def test_a_survey_finds_what_is_ours_by_the_mark(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is no certificate: the journal knows what is stored for it."""
    monkeypatch.setattr(FakeTarget, "mark", lambda _self, _item: MARK)
    targets.switched_on(HoldBack.ISSUED)
    row = targets.placement(targets.token_of(company))
    serve()
    row.refresh_from_db()
    assert row.mark == MARK
    held = targets.Held("entry-of-uma", "uma", (MARK,))
    monkeypatch.setattr(FakeTarget, "survey", lambda _self: iter([held]))
    assert drift.survey(row.target).counts == {}
    monkeypatch.setattr(FakeTarget, "survey", lambda _self: iter([targets.Held("x", "x", ("cd" * 32,))]))
    assert drift.survey(row.target).counts == {"foreign": 1, "vanished": 1}


def test_what_the_settings_have_no_more_gets_nothing(
    target: FakeTarget, company: Company, settings: Any
) -> None:
    targets.switched_on(HoldBack.ISSUED)
    settings.TARGETS = {"other": targets.configured()}
    targets.token_of(company)
    assert not Placement.objects.exists()
