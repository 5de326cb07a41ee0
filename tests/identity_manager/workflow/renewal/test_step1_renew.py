"""The door of a renewal: when it opens, who comes in, what is needed again."""

import pytest
from django.db import IntegrityError, transaction

from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    OutgoingMail,
    Person,
    RenewalApproval,
    RenewalNotice,
    RenewalPolicy,
    RequestOrigin,
    SoftwareToken,
    TermsNotice,
    TokenRequest,
    TokenType,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import step1_enable, step1_renew, step1_request
from identity_manager.workflow.renewal import expiry_check, policy
from identity_manager.workflow.requests import opening
from identity_manager.workflow.terms import accept_again, ask_again
from tests.identity_manager.workflow.renewal.conftest import At, successor_of
from tests.identity_manager.workflow.terms.conftest import next_version
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def renew(token: SoftwareToken, actor: Person | None = None, *, read: bool = False) -> TokenRequest:
    """As the page does it, which names the terms that stand; read: the person wants to read them again."""
    person = actor or Person.objects.get(pk=token.person_id)
    texts = [] if read else [row.text_id for row in token.request.acceptances.all()]
    return step1_renew.renew(actor=person, token_id=token.pk, terms_shown=texts)


def rules(**fields: object) -> None:
    TokenType.objects.filter(code="vpn").update(**fields)


@pytest.mark.parametrize("days", [60.5, 400])
def test_before_the_window_the_reason_names_the_day(
    token: SoftwareToken, days_before: At, days: float
) -> None:
    with days_before(days), pytest.raises(NotPossible, match="can be renewed from") as refused:
        renew(token)
    assert refused.value.reason.code == "has-one"
    assert "You can renew it from" in refused.value.reason.to_its_person


@pytest.mark.parametrize("days", [59.5, 0.1])
def test_in_the_window_a_token_has_a_successor_while_it_is_valid(
    token: SoftwareToken, days_before: At, days: float
) -> None:
    with days_before(days):
        request = renew(token)
    line = request.tokens.get()
    assert (request.kind, line.kind, line.predecessor_id) == ("renewal", "renewal", token.pk)
    token.refresh_from_db()
    assert token.state == "active"


def test_terms_that_stand_are_accepted_with_the_click(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        request = renew(token)
    assert request.state == "issuing"
    assert request.acceptances.get().text == token.request.acceptances.get().text
    assert not OutgoingMail.objects.filter(request=request, message="information").exists()


@pytest.mark.parametrize(("rule", "state"), [("may", "issuing"), ("must", "awaiting_acceptance")])
def test_the_devices_are_those_that_were_said_last(
    token: SoftwareToken, days_before: At, rule: str, state: str
) -> None:
    """Where they have to be said and never were, the page of the terms asks."""
    rules(device_rule=rule)
    known = "macos" if rule == "may" else ""
    TokenRequest.objects.filter(pk=token.request_id).update(devices=known)
    with days_before(30):
        request = renew(token)
    assert (request.state, request.devices) == (state, known)


def test_other_terms_are_read_before_anything_is_issued(token: SoftwareToken, days_before: At) -> None:
    cast.publish_terms(cast.terms())
    with days_before(30):
        request = renew(token)
    assert request.state == "awaiting_acceptance"
    assert not request.tokens.get().certificates.exists()


def test_a_version_that_was_accepted_again_stands(
    company: Company, token: SoftwareToken, days_before: At
) -> None:
    version = next_version()
    ask_again.check(version, token.person_id)
    notice, text = TermsNotice.objects.get(), version.text_in("en")
    accept_again.accept(actor=token.person, notice_id=notice.pk, text_id=text.pk)
    with days_before(30):
        request = step1_renew.renew(actor=token.person, token_id=token.pk, terms_shown=[text.pk])
    assert request.state == "issuing"
    assert request.acceptances.get().text == text


def test_texts_that_were_never_accepted_open_nothing(token: SoftwareToken, days_before: At) -> None:
    """A form that names the new terms, which nobody has read, is no acceptance of them."""
    version = cast.publish_terms(cast.terms())
    with days_before(30):
        request = step1_renew.renew(
            actor=token.person, token_id=token.pk, terms_shown=[version.text_in("en").pk]
        )
    assert request.state == "awaiting_acceptance"


def test_one_open_line_of_a_type_whichever_its_kind(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        request = renew(token)
        with pytest.raises(Refused):
            renew(token)
        with pytest.raises(NotPossible, match="under way"):
            cast.enabled(Person.objects.get(given_name="Ada"), token.person, token.token_type)
        line = request.tokens.get()
        line.pk, line.kind, line.predecessor = token.renewals.model().pk, "initial", None
        with pytest.raises(IntegrityError), transaction.atomic():
            line.save(force_insert=True)


def test_nobody_renews_the_token_of_another(company: Company, token: SoftwareToken, days_before: At) -> None:
    with days_before(30), pytest.raises(Stale):
        renew(token, company.sam)
    with days_before(30), pytest.raises((NotAllowed, Stale)):
        renew(token, company.ada)
    assert not token.renewals.exists()


def test_what_officers_alone_renew_is_not_renewed_by_its_person(
    company: Company, token: SoftwareToken, days_before: At
) -> None:
    rules(renewal_policy=RenewalPolicy.OFFICERS)
    with days_before(30):
        with pytest.raises(NotPossible) as refused:
            renew(token)
        with pytest.raises(NotPossible):
            step1_request.request(actor=company.uma, type_ids=[token.token_type_id])
        assert refused.value.reason.code == "officers-renew"
        assert not expiry_check.check([token.pk])
        request = cast.enabled(company.ada, company.uma, token.token_type)
    assert (request.kind, request.state) == ("renewal", "awaiting_acceptance")


def test_one_on_hold_is_not_renewed(token: SoftwareToken, days_before: At) -> None:
    SoftwareToken.objects.filter(pk=token.pk).update(state="on_hold")
    with days_before(30), pytest.raises(NotPossible) as refused:
        renew(token)
    assert refused.value.reason.code == "has-one"


def test_enable_opens_a_renewal_beside_a_first_issue(
    company: Company, token: SoftwareToken, days_before: At
) -> None:
    other = cast.token_type("mail")
    with days_before(30):
        request = step1_enable.enable(
            actor=company.ada, person_id=company.uma.pk, type_ids=[token.token_type_id, other.pk]
        )
    assert request.kind == "initial"
    kinds = {line.type_code: (line.kind, line.predecessor_id) for line in request.tokens.all()}
    assert kinds == {"vpn": ("renewal", token.pk), "mail": ("initial", None)}


@pytest.mark.parametrize(
    ("rule", "changed", "needed"),
    [
        (RenewalApproval.NEVER, True, 0),
        (RenewalApproval.CHANGED, False, 0),
        (RenewalApproval.CHANGED, True, 1),
        (RenewalApproval.ALWAYS, False, 1),
    ],
)
def test_approval_again(
    token: SoftwareToken, days_before: At, rule: str, *, changed: bool, needed: int
) -> None:
    rules(renewal_approval=rule, approval=ApprovalPolicy.ALWAYS)
    if changed:
        Person.objects.filter(pk=token.person_id).update(surname="Berg")
    with days_before(30):
        person = Person.objects.get(pk=token.person_id)
        asking = opening.Origin(person, person, RequestOrigin.SELF_SERVICE)
        foretold = opening.approvals_needed(asking, step1_renew.renewable(person, token.pk))
        request = renew(token)
    assert foretold == needed
    assert (request.approvals_needed, request.state == "requested") == (needed, needed > 0)
    assert policy.has_changed(request.tokens.get()) == changed


def test_a_type_that_never_needs_approval_needs_none_when_data_have_changed(
    token: SoftwareToken, days_before: At
) -> None:
    rules(renewal_approval=RenewalApproval.ALWAYS)
    TokenType.objects.filter(code="vpn").update(approval=ApprovalPolicy.NEVER)
    with days_before(30):
        assert renew(token).approvals_needed == 0


def test_what_has_changed_stands_old_beside_new(token: SoftwareToken, days_before: At) -> None:
    Person.objects.filter(pk=token.person_id).update(surname="Berg")
    profile = cast.profile("client")
    type(profile).objects.filter(pk=profile.pk).update(number=7)
    with days_before(30):
        line = renew(token).tokens.get()
    (person,), (certificate,) = policy.person_changes(line), policy.profile_changes(line)
    assert (person.field, person.asked_for, person.now) == ("surname", "Lindqvist", "Berg")
    assert (certificate.field, certificate.asked_for, certificate.now) == ("client", "1", "7")


def test_a_switch_to_targets_alone_is_named(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        line = renew(token).tokens.select_related("token_type").get()
    assert not policy.has_changed(line)
    line.required_type.targets_alone = True
    (change,) = policy.changes(line)
    assert (change.asked_for, change.now) == (str(policy.WITH_FILE), str(policy.BY_TARGETS_ALONE))


def test_a_successor_that_ends_leaves_the_token_as_it_is(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        first = renew(token, read=True)
        step = TokenRequest.objects.get(pk=first.pk)
        assert step.state == "awaiting_acceptance"
        cast.overdue(step)
        from identity_manager.workflow.requests import lapse

        lapse.lapse_overdue()
        token.refresh_from_db()
        assert token.state == "active"
        assert renew(token).state == "issuing"


def test_not_needed_ends_the_reminders_and_keeps_the_way(token: SoftwareToken, days_before: At) -> None:
    with days_before(50):
        assert expiry_check.check([token.pk])
        with pytest.raises(NotPossible) as refused:
            step1_renew.not_needed(actor=token.person, token_id=token.pk, reason=" ")
        assert refused.value.field == "reason"
        step1_renew.not_needed(actor=token.person, token_id=token.pk, reason="I changed departments.")
        with pytest.raises(Stale):
            step1_renew.not_needed(actor=token.person, token_id=token.pk, reason="again")
    with days_before(5):
        assert not expiry_check.check([token.pk])
        assert renew(token).state == "issuing"
    assert OutgoingMail.objects.filter(message="renewal_due").count() == 1
    assert AuditEvent.objects.filter(name="renewal.not-needed", token=token).count() == 1


def test_nobody_else_answers(company: Company, token: SoftwareToken, days_before: At) -> None:
    with days_before(50):
        expiry_check.check([token.pk])
        for actor in (company.sam, company.ada):
            with pytest.raises(NotAllowed):
                step1_renew.not_needed(actor=actor, token_id=token.pk, reason="x")
    assert RenewalNotice.objects.get().not_needed_at is None


def test_the_new_token_has_a_key_and_a_passphrase_of_its_own(token: SoftwareToken, days_before: At) -> None:
    with days_before(30):
        renew(token)
        new = successor_of(token)
    assert new.state == "active"
    assert new.certificates.get().public_key_sha256 != token.certificates.get().public_key_sha256
