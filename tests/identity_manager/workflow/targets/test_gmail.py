"""Keys for Gmail, from the sealing to a stub of Google: once, in use, and told to the person."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.contract import RevocationReason
from ca_bridge.x509.certificates import names_itself
from identity_manager import audit
from identity_manager.mail import install
from identity_manager.models import (
    AuditEvent,
    HoldBack,
    KeyHolder,
    OutgoingMail,
    Placement,
    PlacementState,
    SoftwareToken,
    Target,
    TargetUse,
    TermsVersion,
)
from identity_manager.people import erasure
from identity_manager.transactions.refusals import NotAllowed
from identity_manager.workflow import step1_renew, step4_accept
from identity_manager.workflow.issuance import containers
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import actions, uses
from tests.tools import cast, gmail_stub
from tests.tools.cast import Company, accepted, delivered, enabled, issued, noted
from tests.tools.gateways import leaving_type
from tests.tools.gmail_stub import Gmail, Mailbox
from tests.tools.key_files import authority
from tests.tools.sign_in import signed_in
from tests.tools.targets import administrator, in_use, placement, review, serve

pytestmark = pytest.mark.long

P = PlacementState
BY_HAND, BY_ITSELF = "Upload a personal certificate", "your organisation gives the key to Google"


@pytest.fixture
def gmail(tmp_path: Path, settings: Any, company: Company) -> Iterator[Gmail]:
    with gmail_stub.running() as running:
        running.mailboxes += [Mailbox(company.sam.email), Mailbox(company.uma.email)]
        chain = registry.connector("corporate").chain()
        running.trusted = [each for each in chain if names_itself(each)]
        settings.TARGETS = {gmail_stub.NAME: running.target(tmp_path)}
        leaving_type(KeyHolder.GMAIL)
        in_use(gmail_stub.NAME)
        yield running


def token_of(company: Company, name: str = "uma") -> SoftwareToken:
    request = enabled(company.ada, getattr(company, name), leaving_type(KeyHolder.GMAIL))
    return issued(accepted(request)).tokens.get()


def uma(gmail: Gmail) -> Mailbox:
    return gmail.mailboxes[-1]


# --- handed over


def test_gmail_uses_the_key_and_the_person_is_told(gmail: Gmail, company: Company) -> None:
    request = enabled(company.ada, company.uma, leaving_type(KeyHolder.GMAIL))
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    terms = signed_in(company.uma).get(reverse("selfservice:terms", args=[request.pk])).content.decode()
    assert "Google gets a copy of the keys that decrypt mail" in terms
    step4_accept.accept(
        actor=company.uma,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        text_ids=texts,
        devices=["gmail"],
    )
    token = issued(request).tokens.get()
    serve()
    row = placement(token)
    assert (row.state, row.parcel_wrapped, row.target.last_error) == (P.THERE, None, "")
    assert company.uma.email not in row.place
    (held,) = uma(gmail).held
    assert held["isDefault"]
    assert held["password"] != containers.open_passphrase(token)
    noted(delivered(request).tokens.get())
    mail = OutgoingMail.objects.get(message="delivery")
    page = signed_in(company.uma).get(reverse("selfservice:token", args=[token.pk])).content.decode()
    assert "Google has a copy of this key, for your Gmail, since" in page
    for text in (mail.body_text, page):
        assert BY_ITSELF in text
        assert BY_HAND not in text


def test_where_no_key_goes_to_google_it_is_done_by_hand(gmail: Gmail, company: Company) -> None:
    TermsVersion.objects.update(names_key_holders=[KeyHolder.INTUNE])
    request = enabled(company.ada, company.uma, cast.token_type("mail"))
    token = issued(accepted(request)).tokens.get()
    row = placement(token)
    assert (row.state, row.parcel_wrapped) == (P.REFUSED, None)
    assert "do not say that this target gets keys" in row.last_error
    serve()
    assert gmail.calls == []
    device = install.device("gmail")
    assert device is not None
    assert install.for_token(device, token) is device


def test_the_log_says_under_which_terms(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    serve()
    sealed = AuditEvent.objects.get(name=audit.Event.KEY_SEALED_FOR_TARGET)
    assert (sealed.facts["target"], sealed.facts["terms"]) == (gmail_stub.NAME, 1)
    there = AuditEvent.objects.get(name=audit.Event.KEY_HANDED_OVER)
    assert there.facts["certificate"] == str(placement(token).certificate_id)


# --- old keys stay


def test_a_renewal_is_in_use_and_what_ends_stays(gmail: Gmail, company: Company) -> None:
    old = token_of(company)
    serve()
    noted(delivered(old.request).tokens.get())
    row = placement(old).certificate
    row.not_after = timezone.now() + timedelta(days=20)
    row.save()
    new = issued(accepted(step1_renew.renew(actor=company.uma, token_id=old.pk))).tokens.get()
    serve()
    assert [placement(each).state for each in (old, new)] == [P.THERE, P.THERE]
    assert [each["isDefault"] for each in uma(gmail).held] == [False, True]
    revoke.revoke_token(
        actor=company.ada,
        token_id=new.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(new).certificate_id],
    )
    review(new)
    serve()
    assert (len(uma(gmail).held), gmail.called("delete")) == (2, 0)


def test_an_erased_person_leaves_no_mailbox_in_the_journal(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    gmail.planned["insert"] = ["lost-after"]
    serve()
    assert Placement.objects.to_be_settled().exists()
    serve()
    assert not Placement.objects.to_be_settled().exists()
    erasure._forget_what_was_issued(company.uma)
    row = placement(token)
    assert (row.state, row.place, row.parcel_wrapped) == (P.THERE, erasure.FORGOTTEN, None)


# --- answers, and none


@pytest.mark.parametrize("way", ["lost-before", "lost-after", "cut"])
def test_a_lost_answer_leads_to_one_certificate(gmail: Gmail, company: Company, way: str) -> None:
    token = token_of(company)
    gmail.planned["insert"] = [way]
    serve()
    assert placement(token).state == P.INTENDED
    serve()
    assert placement(token).state == P.THERE
    (held,) = uma(gmail).held
    assert held["isDefault"]
    assert gmail.called("insert") == (2 if way == "lost-before" else 1)


def test_a_key_that_came_and_is_not_wanted_any_more_is_told(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    gmail.planned["setDefault"] = [500]
    serve()
    assert placement(token).state == P.INTENDED
    revoke.revoke_token(
        actor=company.ada,
        token_id=token.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(token).certificate_id],
    )
    review(token)
    serve()
    assert (placement(token).state, gmail.called("insert")) == (P.THERE, 1)


def test_what_gmail_took_and_does_not_show_waits_for_an_officer(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    uma(gmail).hidden = True
    serve()
    row = placement(token)
    assert (row.state, gmail.called("insert")) == (P.PARKED, 1)
    serve()
    assert gmail.called("insert") == 1
    with pytest.raises(NotAllowed):
        actions.settle_parked(actor=company.ada, placement_id=row.pk, is_there=True)
    uma(gmail).hidden = False
    actions.repeat(actor=administrator("sven"), placement_id=row.pk)
    serve()
    assert (placement(token).state, gmail.called("insert")) == (P.THERE, 1)


def test_a_person_without_a_mailbox_or_without_smime_waits_alone(gmail: Gmail, company: Company) -> None:
    without = gmail.mailboxes.pop()
    gmail.mailboxes[-1].is_smime_on = False
    tokens = [token_of(company, name) for name in ("uma", "sam")]
    serve()
    rows = [placement(each) for each in tokens]
    assert [row.state for row in rows] == [P.WAITING, P.WAITING]
    assert "no mailbox of this address" in rows[0].last_error
    assert "hosted S/MIME is off" in rows[1].last_error
    assert Target.objects.get().last_error == ""
    gmail.mailboxes[-1].is_smime_on = True
    gmail.mailboxes.append(without)
    serve()
    assert [placement(each).state for each in tokens] == [P.THERE, P.THERE]


def test_a_withdrawn_account_lets_all_wait(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    gmail.account_works = False
    serve()
    assert placement(token).state == P.WAITING
    assert "does not accept the service account" in Target.objects.get().last_error
    gmail.account_works = True
    assert "Gmail answers" in actions.test(actor=administrator("sven"), target=gmail_stub.NAME)
    serve()
    assert placement(token).state == P.THERE


def test_400_is_refused_and_an_officer_may_have_it_tried_again(gmail: Gmail, company: Company) -> None:
    token = token_of(company)
    gmail.planned["insert"] = [400]
    serve()
    row = placement(token)
    assert (row.state, row.may_be_repeated) == (P.REFUSED, True)
    assert "says no reason" in row.last_error


def test_a_ca_without_an_intermediate_keeps_no_token_from_its_person(
    gmail: Gmail, company: Company, settings: Any, tmp_path: Path
) -> None:
    gmail.trusted = [*authority().roots]
    settings.TARGETS = {gmail_stub.NAME: gmail.target(tmp_path)}
    token = token_of(company)
    assert containers.open_passphrase(token)
    row = placement(token)
    assert (row.state, row.parcel_wrapped) == (P.REFUSED, None)
    assert "none of the roots" in row.last_error


# --- pages


def test_pages_say_that_google_gets_the_keys_and_no_credential(
    gmail: Gmail, company: Company, settings: Any
) -> None:
    page = signed_in(administrator("sven")).get(reverse("console:target", args=[gmail_stub.NAME]))
    text = page.content.decode()
    assert "Google gets the keys" in text
    assert "Keys go to this target" in text
    assert gmail_stub.MAILBOX in text
    for secret in ("PRIVATE KEY", "private_key", gmail_stub.ACCOUNT):
        assert secret not in text
    assert "PRIVATE KEY" not in repr(settings.TARGETS)


def test_who_confirms_it_reads_that_google_can_read_the_mail(gmail: Gmail) -> None:
    uses.end(actor=administrator("sven"), use_id=TargetUse.objects.get().pk)
    asked = uses.ask(
        actor=administrator("sven"), target=gmail_stub.NAME, type_code="mail", hold_back=HoldBack.ISSUED
    )
    page = signed_in(administrator("nora")).get(reverse("console:target-use-confirm", args=[asked.pk]))
    assert "Google can read the mail of these persons" in page.content.decode()
