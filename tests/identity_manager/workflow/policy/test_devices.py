"""For which devices the files are: who says it, what the mail brings, and where the choice comes back."""

from collections.abc import Sequence

import pytest
from django.db import connection

from identity_manager.mail import install
from identity_manager.models import DeviceRule, OutgoingMail, Person, TokenRequest, TokenType
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow import step1_recover, step1_replace, step4_accept
from identity_manager.workflow.policy import devices
from tests.identity_manager.workflow.replacement.conftest import order_of
from tests.tools import cast, recovery
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def accepted_for(request: TokenRequest, *codes: str) -> TokenRequest:
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    return step4_accept.accept(
        actor=request.person,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        text_ids=texts,
        devices=codes,
    )


def rule(code: str, wanted: DeviceRule) -> None:
    TokenType.objects.filter(code=code).update(device_rule=wanted)


def asked(company: Company, *types: TokenType) -> TokenRequest:
    return cast.enabled(company.ada, company.uma, *(types or (company.vpn,)))


def delivered_for(company: Company, *codes: str) -> OutgoingMail:
    request = cast.issued(accepted_for(asked(company), *codes))
    cast.noted(cast.delivered(request).tokens.get())
    return OutgoingMail.objects.get(message="delivery", request=request)


def headings(mail: OutgoingMail) -> set[str]:
    """The devices whose steps the mail has."""
    lines = mail.body_text.splitlines()
    return {str(each.name) for each in install.DEVICES if str(each.name) in lines}


@pytest.mark.parametrize(
    ("codes", "container_format"),
    [
        (["macos"], "compatible"),
        (["windows"], "standard"),
        (["windows", "iphone", "thunderbird"], "standard"),
        (["windows", "macos"], "compatible"),
        (["android-old", "iphone-old"], "compatible"),
        ([], "standard"),
    ],
)
def test_the_mail_brings_one_file_that_all_of_them_read(
    company: Company, codes: Sequence[str], container_format: str
) -> None:
    mail = delivered_for(company, *codes)
    assert mail.container_format == container_format
    if codes:
        assert headings(mail) == {str(each.name) for each in install.chosen(" ".join(codes))}
        assert "These devices cannot open this file" not in mail.body_text


def test_where_they_differ_the_mail_says_why_it_is_the_older_kind(company: Company) -> None:
    text = delivered_for(company, "windows", "macos").body_text
    assert "the older kind, which all of them read; these read no other:\n\n- Mac (Keychain)\n" in text
    assert "the older kind" not in delivered_for_another(company, "macos").body_text


def delivered_for_another(company: Company, *codes: str) -> OutgoingMail:
    request = cast.issued(accepted_for(asked(company, cast.token_type("other")), *codes))
    return OutgoingMail.objects.get(message="delivery", request=request)


def test_every_device_reads_the_compatible_kind() -> None:
    assert all(install.reads(each, "compatible") for each in install.DEVICES)
    assert [each.code for each in install.DEVICES if install.reads(each, "standard")] == [
        each.code for each in install.DEVICES if each.container_format == "standard"
    ]


def test_the_choice_wins_over_the_format_of_the_type(company: Company) -> None:
    TokenType.objects.filter(code="vpn").update(container_format="compatible")
    assert delivered_for(company, "windows").container_format == "standard"


def test_a_type_that_demands_it_is_not_accepted_without(company: Company) -> None:
    rule("vpn", DeviceRule.MUST)
    request = asked(company)
    with pytest.raises(NotPossible) as refused:
        accepted_for(request)
    assert (refused.value.reason, refused.value.field) == (devices.MISSING, "devices")
    request.refresh_from_db()
    assert (request.state, request.devices) == ("awaiting_acceptance", "")
    assert accepted_for(request, "macos").devices == "macos"


@pytest.mark.parametrize("codes", [["toaster"], ["macos", "toaster"], ["macos "], ["windows macos"]])
def test_devices_that_nobody_offers_are_refused(company: Company, codes: Sequence[str]) -> None:
    with pytest.raises(NotPossible) as refused:
        accepted_for(asked(company), *codes)
    assert refused.value.field == "devices"


def test_a_type_that_never_asks_keeps_nothing(company: Company) -> None:
    rule("vpn", DeviceRule.NEVER)
    assert accepted_for(asked(company), "macos").devices == ""


def test_of_several_types_the_one_that_demands_more_counts(company: Company) -> None:
    rule("vpn", DeviceRule.NEVER)
    other = cast.token_type("other")
    request = asked(company, company.vpn, other)
    assert devices.rule(request.tokens.all()) == DeviceRule.MAY
    rule("other", DeviceRule.MUST)
    with pytest.raises(NotPossible):
        accepted_for(request)


def test_a_replacement_takes_what_was_said_last(company: Company) -> None:
    delivered_for(company, "macos")
    done = step1_replace.replace(actor=company.uma, order=order_of(company.uma))
    assert done.request is not None
    assert (done.request.state, done.request.devices) == ("issuing", "macos")
    cast.issued(done.request)
    assert OutgoingMail.objects.get(message="delivery", request=done.request).container_format == "compatible"


def test_where_it_is_demanded_and_not_known_one_click_is_not_enough(company: Company) -> None:
    delivered_for(company)
    rule("vpn", DeviceRule.MUST)
    done = step1_replace.replace(actor=company.uma, order=order_of(company.uma))
    assert done.request is not None
    assert done.request.state == "awaiting_acceptance"


def test_recovered_keys_come_for_the_same_devices(company: Company) -> None:
    recovery.online_in_force(recovery.officers())
    request = accepted_for(asked(company, recovery.archiving_type()), "iphone-old")
    cast.noted(cast.delivered(cast.issued(request)).tokens.get())
    (choice,) = step1_recover.choices(company.uma)
    factor = recovery.factor_of(company.uma)
    made = step1_recover.recover(actor=company.uma, key_ids=[choice.key.pk], purpose="New", factor=factor)
    assert made.devices == "iphone-old"
    assert install.format_of(made.tokens.get()) == "compatible"


def test_nobody_gets_the_choice_of_another(company: Company) -> None:
    delivered_for(company, "macos")
    assert devices.last_choice(Person.objects.get(pk=company.sam.pk).pk) == ""


def test_what_the_previous_release_writes_has_the_defaults_of_the_database() -> None:
    with connection.cursor() as cursor:
        for table, column, default in (
            ("identity_manager_tokenrequest", "devices", ""),
            ("identity_manager_tokentype", "device_rule", "may"),
        ):
            described = connection.introspection.get_table_description(cursor, table)
            found = next(row.default for row in described if row.name == column)
            assert f"'{default}'" in found


def test_a_request_can_name_every_device(company: Company) -> None:
    codes = [each.code for each in install.DEVICES]
    request = accepted_for(asked(company), *codes)
    TokenRequest._meta.get_field("devices").run_validators(request.devices)
    assert request.devices.split() == codes


def test_the_mail_says_what_must_be_there_first(company: Company) -> None:
    text = delivered_for(company, "gmail").body_text
    assert "Your organisation must have set up first: Google Workspace with hosted S/MIME" in text
