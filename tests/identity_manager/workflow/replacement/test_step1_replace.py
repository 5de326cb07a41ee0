"""The door of a replacement: what is revoked at once, what is asked for anew, and what is not."""

import uuid

import pytest

from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    Certificate,
    OutgoingMail,
    ReplacementCause,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.transactions.refusals import NotPossible, Stale
from identity_manager.workflow import step1_replace, step2_approve
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.requests import lapse
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.workflow.replacement.conftest import Tokens, encryption, order_of, replaced
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def states() -> dict[str, str]:
    rows = SoftwareToken.objects.exclude(kind="replacement")
    return dict(rows.values_list("type_code", "state"))


def rules(code: str, **fields: object) -> None:
    TokenType.objects.filter(code=code).update(**fields)


def asked_anew(request: TokenRequest | None) -> set[str]:
    return {line.type_code for line in request.tokens.all()} if request else set()


def test_all_are_revoked_and_new_ones_are_issued_with_one_click(company: Company, tokens: Tokens) -> None:
    done = replaced(company.uma, encryption=encryption("mail", "cipher"))

    assert set(states().values()) == {"revoked"}
    old = Certificate.objects.exclude(token__kind="replacement")
    assert set(old.values_list("revocation_reason", flat=True)) == {"keyCompromise"}
    assert done.request is not None
    assert (done.request.kind, done.request.state) == ("replacement", "issuing")
    lines = {line.type_code: line.predecessor_id for line in done.request.tokens.all()}
    assert lines == {code: token.pk for code, token in tokens.items()}
    cast.delivered(cast.issued(done.request))
    for line in done.request.tokens.all():
        cast.noted(line)
    assert set(done.request.tokens.values_list("state", flat=True)) == {"active"}


def test_without_a_tick_encryption_certificates_stay(company: Company, tokens: Tokens) -> None:
    """The token of encryption alone stays, and nothing is asked for in its place."""
    done = replaced(company.uma)

    assert states() == {"vpn": "revoked", "mail": "revoked", "cipher": "active"}
    assert asked_anew(done.request) == {"vpn", "mail"}
    living = Certificate.objects.filter(pk__in=encryption("mail", "cipher"), revocation_decided_at=None)
    assert living.exclude(token__kind="replacement").count() == 2


def test_the_mail_tells_what_and_why(company: Company, tokens: Tokens) -> None:
    replaced(company.uma)
    mail = OutgoingMail.objects.get(message="tokens_replaced")
    assert mail.person == company.uma
    assert "The device was stolen." in mail.body_text
    assert "CIPHER" not in mail.body_text
    request = TokenRequest.objects.get(kind="replacement")
    assert request.purpose == "The device was stolen"
    assert state_graph.beginning_of(request).original == "PstmProcReplaceSofttokenUSSP"
    event = AuditEvent.objects.get(name="replacement.asked")
    assert event.facts["cause"] == "stolen"
    assert set(event.facts["tokens"]) == {str(tokens["vpn"].pk), str(tokens["mail"].pk)}


def test_other_terms_are_read_first_and_the_old_ones_are_gone(company: Company, tokens: Tokens) -> None:
    cast.publish_terms(cast.terms())
    done = replaced(company.uma)
    assert done.request is not None
    assert done.request.state == "awaiting_acceptance"
    assert states()["vpn"] == "revoked"
    assert OutgoingMail.objects.filter(request=done.request, message="information").exists()


def test_the_policy_of_the_type_says_who_approves(company: Company, tokens: Tokens) -> None:
    """Whatever it says about renewals."""
    rules("vpn", approval=ApprovalPolicy.ALWAYS, renewal_approval="never")
    done = replaced(company.uma)
    assert done.request is not None
    assert (done.request.state, done.request.approvals_needed) == ("requested", 1)
    assert states()["vpn"] == "revoked"

    request = step2_approve.reject(
        actor=company.paul,
        request_id=done.request.pk,
        snapshot_hash=done.request.snapshot_hash,
        reason="Tell me what happened.",
    )
    assert request.state == "rejected"
    assert states()["vpn"] == "revoked"
    assert asked_anew(cast.asked(company.uma, company.vpn)) == {"vpn"}


def test_one_that_lapses_leaves_the_old_ones_revoked(company: Company, tokens: Tokens) -> None:
    done = replaced(company.uma, read=True)
    assert done.request is not None
    cast.overdue(done.request)
    lapse.lapse_request(request_id=done.request.pk)
    done.request.refresh_from_db()
    assert done.request.state == "lapsed"
    assert states()["vpn"] == "revoked"
    with pytest.raises(NotPossible):  # the token of encryption alone is left
        replaced(company.uma)


def test_a_second_click_finds_other_tokens_and_does_nothing(company: Company, tokens: Tokens) -> None:
    order = order_of(company.uma, encryption=encryption("mail", "cipher"))
    step1_replace.replace(actor=company.uma, order=order)
    before = list(SoftwareToken.objects.order_by("pk").values_list("pk", "state"))
    with pytest.raises(Stale):
        step1_replace.replace(actor=company.uma, order=order)
    assert list(SoftwareToken.objects.order_by("pk").values_list("pk", "state")) == before
    assert OutgoingMail.objects.filter(message="tokens_replaced").count() == 1


def test_types_that_are_not_to_be_had_are_revoked_all_the_same(company: Company, tokens: Tokens) -> None:
    rules("vpn", state="retired")
    rules("mail", kinds=["external"])
    rows = policy.outlook(company.uma, tokens.values())
    reasons = {each.token.type_code: each.obstacle.code if each.obstacle else "" for each in rows}
    assert reasons == {"vpn": "type-not-offered", "mail": "wrong-kind", "cipher": ""}

    done = replaced(company.uma)
    assert done.request is None
    assert states() == {"vpn": "revoked", "mail": "revoked", "cipher": "active"}
    mail = OutgoingMail.objects.get(message="tokens_replaced")
    assert "None of them can be issued anew" in mail.body_text
    assert AuditEvent.objects.get(name="replacement.asked").person == company.uma


def test_an_open_renewal_goes_on_and_brings_the_new_one(company: Company, tokens: Tokens) -> None:
    rules("vpn", renewal_days=1000)
    renewal = cast.enabled(company.ada, company.uma, company.vpn)
    done = replaced(company.uma)
    assert asked_anew(done.request) == {"mail"}
    assert states()["vpn"] == "ordered"  # of the renewal
    tokens["vpn"].refresh_from_db()
    assert tokens["vpn"].state == "revoked"
    cast.delivered(cast.issued(cast.accepted(renewal)))
    assert cast.noted(renewal.tokens.get()).state == "active"


def test_a_renewal_that_was_sealed_already_is_revoked_with_the_old_one(
    company: Company, tokens: Tokens
) -> None:
    rules("vpn", renewal_days=1000)
    renewal = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, company.vpn)))
    done = replaced(company.uma)
    assert renewal.tokens.get().state == "revoked"
    assert asked_anew(done.request) == {"vpn", "mail"}
    assert done.request is not None
    assert done.request.tokens.filter(type_code="vpn").count() == 1


def test_a_token_on_hold_is_revoked_too(company: Company, tokens: Tokens) -> None:
    hold.put_on_hold(actor=company.ada, token_id=tokens["vpn"].pk, reason="lost, perhaps")
    done = replaced(company.uma)
    assert states()["vpn"] == "revoked"
    assert "vpn" in asked_anew(done.request)


def test_one_token_alone_because_its_passphrase_is_gone(company: Company, tokens: Tokens) -> None:
    done = replaced(company.uma, only=tokens["vpn"].pk, cause=ReplacementCause.FORGOTTEN)
    assert states() == {"vpn": "revoked", "mail": "active", "cipher": "active"}
    assert asked_anew(done.request) == {"vpn"}
    assert tokens["vpn"].certificates.get().revocation_reason == "superseded"


def test_all_are_not_replaced_because_one_passphrase_is_gone(company: Company, tokens: Tokens) -> None:
    with pytest.raises(NotPossible) as refused:
        replaced(company.uma, cause=ReplacementCause.FORGOTTEN)
    assert (refused.value.reason.code, refused.value.field) == ("replacement-of-one", "cause")
    assert states()["vpn"] == "active"


def test_encryption_alone_is_replaced_where_its_box_is_ticked(company: Company, tokens: Tokens) -> None:
    key = tokens["cipher"].pk
    with pytest.raises(NotPossible) as refused:
        replaced(company.uma, only=key)
    assert refused.value.field == "encryption"
    done = replaced(company.uma, only=key, encryption=encryption("cipher"))
    assert asked_anew(done.request) == {"cipher"}


def test_what_was_revoked_before_is_not_asked_for_anew(company: Company, tokens: Tokens) -> None:
    """Its encryption certificate lives on, so it can be revoked; the person has given the token up."""
    revoke.revoke_token(
        actor=company.uma, token_id=tokens["mail"].pk, reason=policy.REVOCATION_REASONS["stolen"]
    )
    done = replaced(company.uma, encryption=encryption("mail", "cipher"))
    assert asked_anew(done.request) == {"vpn", "cipher"}
    assert not Certificate.objects.filter(
        pk__in=encryption("mail"), revocation_decided_at=None, token__kind="initial"
    ).exists()


def test_who_leaves_is_not_given_new_ones(company: Company, tokens: Tokens) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="leave")
    with pytest.raises(NotPossible):
        step1_replace.replace_for(
            actor=company.ada, person_id=company.uma.pk, order=order_of(company.uma, shown=None)
        )
    assert set(states().values()) == {"on_hold"}


def test_an_administrator_replaces_and_the_person_accepts(company: Company, tokens: Tokens) -> None:
    done = step1_replace.replace_for(
        actor=company.ada, person_id=company.uma.pk, order=order_of(company.uma, shown=None)
    )
    assert done.request is not None
    assert (done.request.origin, done.request.state) == ("administrator", "awaiting_acceptance")
    assert OutgoingMail.objects.get(message="tokens_replaced").person == company.uma


def test_without_any_token_there_is_nothing_to_replace(company: Company) -> None:
    with pytest.raises(Stale) as refused:
        replaced(company.uma)
    assert refused.value.reason.code == "nothing-to-replace"
    with pytest.raises(Stale):
        replaced(company.uma, only=uuid.uuid4())
