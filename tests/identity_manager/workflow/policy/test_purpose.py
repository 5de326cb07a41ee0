"""What it is for: said by who asks, as the types demand, and part of what approvers sign."""

import pytest
from django.db import connection

from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    BatchSource,
    OutgoingMail,
    PurposeRule,
    Role,
    TokenRequest,
    TokenType,
)
from identity_manager.models.catalogue.token_type import LONGEST_PURPOSE
from identity_manager.models.identifiers import new_id
from identity_manager.people import anonymisation
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow import snapshot, step1_enable, step1_request, step2_approve
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.placing import BatchOrderInput
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def rule(token_type: TokenType, rule: str) -> None:
    TokenType.objects.filter(pk=token_type.pk).update(purpose_rule=rule)


def enable(company: Company, *types: TokenType, purpose: str = "") -> TokenRequest:
    keys = [each.pk for each in types or (company.signature,)]
    return step1_enable.enable(actor=company.ada, person_id=company.uma.pk, type_ids=keys, purpose=purpose)


def ask(company: Company, *, purpose: str = "") -> TokenRequest:
    company.uma.roles.get_or_create(role=Role.SELF_SERVICE_USER)
    return step1_request.request(actor=company.uma, type_ids=[company.signature.pk], purpose=purpose)


def order(company: Company, *, purpose: str = "") -> BatchOrder:
    wanted = BatchOrderInput(
        BatchSource.SELECTION,
        [str(company.uma.pk)],
        [company.signature.pk],
        accept_partial=False,
        purpose=purpose,
    )
    return placing.place_order(actor=company.ada, order_id=new_id(), wanted=wanted)


DOORS = [enable, ask, order]


@pytest.mark.parametrize("door", DOORS)
def test_a_type_may_demand_it(company: Company, door) -> None:
    rule(company.signature, PurposeRule.MUST)

    for empty in ("", "   \n "):
        with pytest.raises(NotPossible) as refusal:
            door(company, purpose=empty)
        assert (refusal.value.reason.code, refusal.value.field) == ("purpose-missing", "purpose")
        assert str(company.signature) in str(refusal.value)

    assert door(company, purpose="Offers").purpose == "Offers"


@pytest.mark.parametrize("door", DOORS)
def test_a_type_may_not_ask(company: Company, door) -> None:
    rule(company.signature, PurposeRule.NEVER)

    with pytest.raises(NotPossible) as refusal:
        door(company, purpose="Offers")

    assert (refusal.value.reason.code, refusal.value.field) == ("purpose-not-asked", "purpose")
    assert door(company).purpose == ""


def test_of_several_types_one_that_asks_is_enough(company: Company) -> None:
    rule(company.signature, PurposeRule.NEVER)

    assert enable(company, company.signature, company.vpn, purpose="Offers").purpose == "Offers"


def test_without_a_word_nothing_is_different(company: Company) -> None:
    request = enable(company)

    assert request.purpose == ""
    assert "purpose" not in request.lines[0].snapshot
    assert "what_for" not in AuditEvent.objects.get(name="request.created").facts


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("x" * (LONGEST_PURPOSE + 1), "purpose-too-long"),
        ("Offers\u202egnp.exe", "purpose-characters"),
        ("Offers\x00", "purpose-characters"),
        ("Offers\x1b[2J", "purpose-characters"),
        ("Offers\u2066", "purpose-characters"),
    ],
)
def test_what_would_not_be_read_as_it_was_written_is_refused(company: Company, typed: str, code: str) -> None:
    with pytest.raises(NotPossible) as refusal:
        enable(company, purpose=typed)

    assert (refusal.value.reason.code, refusal.value.field) == (code, "purpose")
    assert not TokenRequest.objects.exists()


def test_lines_stay_and_ends_go(company: Company) -> None:
    assert enable(company, purpose="  Offers,\r\nand o\u0308ffers ").purpose == "Offers,\nand öffers"
    assert enable_sam(company, "x" * LONGEST_PURPOSE).purpose == "x" * LONGEST_PURPOSE


def enable_sam(company: Company, purpose: str) -> TokenRequest:
    return step1_enable.enable(
        actor=company.ada, person_id=company.sam.pk, type_ids=[company.signature.pk], purpose=purpose
    )


def test_approvers_sign_it(company: Company) -> None:
    """It stands in each line that the hash covers: with another one the hash would be another."""
    request = enable(company, company.signature, company.vpn, purpose="Offers")
    lines = [token.snapshot for token in request.lines]

    assert [line["purpose"] for line in lines] == ["Offers", "Offers"]
    assert request.snapshot_hash == snapshot.digest(lines)
    assert request.snapshot_hash != snapshot.digest(line | {"purpose": "Others"} for line in lines)


def test_it_is_in_the_audit_log_and_in_the_mails_to_approvers(company: Company) -> None:
    enable(company, purpose="Offers of the sales team")

    event = AuditEvent.objects.get(name="request.created")
    assert event.personal_facts["what_for"] == "Offers of the sales team", "it goes with the person"
    mails = OutgoingMail.objects.filter(message="approval_needed")
    assert mails
    assert all("Offers of the sales team" in mail.body_text for mail in mails)


def test_a_line_that_is_taken_out_leaves_it_with_the_rest(company: Company) -> None:
    request = enable(company, company.signature, company.vpn, purpose="Offers")
    out = next(token for token in request.lines if token.type_code == "vpn")

    step2_approve.take_out(
        actor=company.paul,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        lines=[out.pk],
        reason="too many",
    )

    request = TokenRequest.objects.get(pk=request.pk)
    assert [token.snapshot["purpose"] for token in request.lines] == ["Offers"]


def test_erasure_and_retention_take_it_away(company: Company) -> None:
    request = enable(company, purpose="Offers")

    anonymisation.empty_request(request)

    request.refresh_from_db()
    assert request.purpose == ""
    assert "Offers" not in str([token.snapshot for token in request.tokens.all()])


def test_what_the_previous_release_writes_has_none(company: Company) -> None:
    """That release does not name the columns: the database has their defaults."""
    with connection.cursor() as cursor:
        for table, column, default in (
            ("identity_manager_tokenrequest", "purpose", ""),
            ("identity_manager_batchorder", "purpose", ""),
            ("identity_manager_tokentype", "purpose_rule", "may"),
        ):
            described = connection.introspection.get_table_description(cursor, table)
            found = next(row.default for row in described if row.name == column)
            assert f"'{default}'" in found
