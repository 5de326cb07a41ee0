"""ADMIN, Token types: from an empty form to a type that people can have, and everything that is refused."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ca_bridge.pkcs12.apple_profile import MailServer
from identity_manager import audit
from identity_manager.models import AuditEvent, CertificateProfile, Role, TermsDocument, TokenType
from tests.identity_manager.console.catalogue.forms import revision_in, seen_in, type_data
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.long_on_postgresql, pytest.mark.long]

NEW = reverse("console:token-type-new")
OPEN_TASKS = reverse("console:approvals")


def address(what: str, row: TokenType) -> str:
    return reverse(f"console:token-type-{what}", args=[row.pk])


def show(row: TokenType) -> str:
    return reverse("console:token-type", args=[row.pk])


def says_beforehand(browser: Client, row: TokenType, reason: str) -> None:
    """The entry's page and that before activating say what lacks, and offer nothing to press for it."""
    page = browser.get(show(row)).text
    assert f"Activate: {reason}" in page
    assert f'href="{address("activate", row)}"' not in page
    confirm = browser.get(address("activate", row)).text
    assert reason in confirm
    assert 'name="revision"' not in confirm


@pytest.fixture
def client(company: cast.Company) -> CertificateProfile:
    return CertificateProfile.objects.get(code="client")


@pytest.fixture
def draft(sven: Client, client: CertificateProfile) -> TokenType:
    assert sven.post(NEW, type_data(client)).status_code == 302
    return TokenType.objects.get(code="wlan")


def test_a_new_type_is_saved_as_a_draft_and_offered_to_nobody(sven: Client, draft: TokenType) -> None:
    assert (draft.state, draft.number, draft.position, draft.kinds) == ("draft", 1, 3, ["employee"])
    assert [profile.code for profile in draft.ordered_profiles()] == ["client"]
    assert "WLAN" in sven.get(reverse("console:token-types")).text
    assert "wlan" not in {row.code for row in TokenType.objects.active()}


def test_the_order_of_profiles_is_kept(sven: Client, client: CertificateProfile) -> None:
    other = cast.profile("other")
    sven.post(NEW, type_data(other, client))
    row = TokenType.objects.get(code="wlan")
    assert [profile.code for profile in row.ordered_profiles()] == ["other", "client"]
    sven.post(address("edit", row), type_data(client, other, revision=str(row.version)))
    assert [profile.code for profile in row.ordered_profiles()] == ["client", "other"]
    changes = AuditEvent.objects.order_by("-pk")[0].facts["changes"]
    assert changes == [{"field": "profiles", "from": ["other 1", "client 1"], "to": ["client 1", "other 1"]}]


@pytest.mark.database
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": "vpn"}, "Another entry has this code."),
        ({"name": ""}, "required"),
        ({"description": "x" * 301}, "At most 300"),
        ({"kinds": []}, "which kinds of person"),
        ({"approval": "perhaps"}, "Select a valid choice"),
        ({"approvers_needed": "6"}, "Select a valid choice"),
        ({"terms": ""}, "required"),
        ({"profiles": []}, "at least one certificate profile"),
        ({"profiles": ["x"]}, "cannot be chosen"),
        ({"validity_days": "0"}, "from 1 to 3650"),
        ({"validity_days": "99999999999"}, "from 1 to 3650"),
        ({"validity_days": "two"}, "whole number"),
        ({"passphrase_days": "0"}, "from 1 to 90"),
        ({"container_retention_days": "0"}, "from 1 to 3650"),
        ({"container_retention_days": "soon"}, "whole number"),
        ({"key_algorithm": "ed25519"}, "Select a valid choice"),
        ({"position": "-1"}, "from 0 to 9999"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(
    sven: Client, client: CertificateProfile, change: dict[str, Any], words: str
) -> None:
    before = TokenType.objects.count(), AuditEvent.objects.count()
    response = sven.post(NEW, type_data(client, **change))
    assert response.status_code == 422
    assert words in response.text
    assert "__all__" not in response.context["form"].errors
    assert (TokenType.objects.count(), AuditEvent.objects.count()) == before


def test_one_profile_twice_is_refused(sven: Client, client: CertificateProfile) -> None:
    response = sven.post(NEW, type_data(client, client))
    assert response.status_code == 422
    assert "in the order once" in response.text


def test_a_key_that_cannot_have_the_usage_is_refused(sven: Client, client: CertificateProfile) -> None:
    rsa_only = cast.profile("crypt", key_usage=["keyEncipherment"], purpose="encryption")
    response = sven.post(NEW, type_data(rsa_only, key_algorithm="ec-p256"))
    assert response.status_code == 422
    assert "keyEncipherment" in response.text
    assert "key_algorithm" in response.context["form"].errors
    assert sven.post(NEW, type_data(rsa_only, key_algorithm="rsa-3072")).status_code == 302


def test_the_profile_limits_the_validity(sven: Client, client: CertificateProfile) -> None:
    CertificateProfile.objects.filter(pk=client.pk).update(longest_validity_days=90)
    response = sven.post(NEW, type_data(client))
    assert response.status_code == 422
    assert "at most 90 days" in response.text


def test_a_type_whose_terms_nobody_could_accept_is_not_activated(
    sven: Client, client: CertificateProfile
) -> None:
    empty = TermsDocument.objects.create(code="empty", name="Not yet written")
    sven.post(NEW, type_data(client, terms=str(empty.pk)))
    row = TokenType.objects.get(code="wlan")
    says_beforehand(sven, row, "No version of these terms is published yet: nobody could accept them.")
    response = sven.post(address("activate", row), {"revision": row.version})
    assert response.status_code == 422
    assert response.text.count("No version of these terms is published yet") == 1
    assert TokenType.objects.get(pk=row.pk).state == "draft"


def test_a_type_with_a_profile_that_was_replaced_is_not_activated(
    sven: Client, draft: TokenType, client: CertificateProfile
) -> None:
    client.retire()
    client.save()
    said = f"Version {client.number} of {client.name} is not active: a token type takes active versions only."
    says_beforehand(sven, draft, said)
    assert sven.post(address("activate", draft), {"revision": draft.version}).status_code == 422


def test_nobody_is_asked_to_activate_what_lacks_something(
    sven: Client, sara: Client, draft: TokenType, client: CertificateProfile, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    assert "Ask for activation" in sven.get(show(draft)).text
    client.retire()
    client.save()
    page = sven.get(show(draft)).text
    assert "Ask for activation" not in page
    assert "is not active" in page


def test_who_worked_on_it_is_told_before_they_try_to_activate_it(
    sven: Client, sara: Client, draft: TokenType, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    page = sven.get(address("activate", draft)).text
    assert "You worked on this version." in page
    assert 'name="revision"' not in page
    assert 'name="revision"' in sara.get(address("activate", draft)).text


def test_what_is_active_is_not_offered_to_be_activated(sven: Client, company: cast.Company) -> None:
    page = sven.get(address("activate", company.vpn)).text
    assert "This version is active already." in page
    assert 'name="revision"' not in page


def test_pages_of_a_version_that_has_moved_on_say_so_at_once(
    sven: Client, company: cast.Company, draft: TokenType
) -> None:
    for what, row, sentence in (
        ("refuse", draft, "Nobody asks for its activation any more."),
        ("retire", draft, "Only a version in force can be retired."),
        ("refuse", company.vpn, "This version is no draft any more."),
        ("discard", company.vpn, "This version is no draft any more."),
    ):
        page = sven.get(address(what, row)).text
        assert sentence in page, what
        assert 'class="form card"' not in page, what


def test_the_whole_history_can_be_read(sven: Client, otto: Client, draft: TokenType) -> None:
    for number in range(60):
        facts = {"what": "type-refused", "code": "wlan", "reason": f"Reason {number}."}
        audit.record(audit.Event.CATALOGUE_CHANGED, actor=None, subject=None, **facts)
    for browser in (sven, otto):
        newest, oldest = browser.get(show(draft)), browser.get(f"{show(draft)}?history=2")
        assert "1 to 50 of 61" in newest.text
        assert 'href="?history=2#history"' in newest.text
        assert "Reason 10." in newest.text
        assert "Reason 9." not in newest.text
        assert "Reason 9." in oldest.text
        assert "Was begun" in oldest.text
    refused = sven.post(address("activate", draft), {"revision": draft.version + 1})
    assert refused.status_code == 409
    assert f'href="{show(draft)}#history"' in refused.text
    assert "?history=2" not in refused.text


def test_a_new_version_takes_up_the_profile_in_force(
    sven: Client, company: cast.Company, client: CertificateProfile
) -> None:
    client.retire()
    client.save()
    newer = CertificateProfile(
        code="client",
        number=2,
        name="Client",
        purpose="authentication",
        subject=client.subject,
        key_usage=client.key_usage,
        ca="corporate",
        ca_profile="client",
    )
    newer.activate()
    newer.save()
    page = sven.get(address("new-version", company.vpn))
    assert f'value="{newer.pk}" selected' in page.text
    assert company.vpn.ordered_profiles() == [client]


def test_what_is_under_way_is_told_before_it_is_put_in_force(sven: Client, company: cast.Company) -> None:
    company.request_in("awaiting_acceptance")
    shown = seen_in(sven.get(address("new-version", company.vpn)))
    data = type_data(*company.vpn.ordered_profiles(), name="VPN 2", **shown)
    sven.post(address("new-version", company.vpn), data)
    draft = TokenType.objects.get(code="vpn", number=2)
    text = sven.get(address("activate", draft)).text
    assert "1 token of it is under way. It goes on as it was asked for." in text
    assert "VPN 2" in text
    sven.post(address("activate", draft), {"revision": revision_in(sven.get(address("activate", draft)))})
    company.vpn.refresh_from_db()
    assert company.vpn.state == "retired"


def test_a_draft_that_became_active_cannot_be_edited(sven: Client, draft: TokenType) -> None:
    old = revision_in(sven.get(address("edit", draft)))
    sven.post(address("activate", draft), {"revision": old})
    response = sven.post(address("edit", draft), type_data(revision=old))
    assert response.status_code in (409, 422)
    profiles = draft.ordered_profiles()
    response = sven.post(address("edit", draft), type_data(*profiles, name="x", revision=old))
    assert response.status_code == 409
    assert "no draft any more" in response.text
    assert f'action="{address("new-version", draft)}"' in response.text
    data = type_data(*profiles, name="x", **seen_in(response))
    assert sven.post(address("new-version", draft), data).status_code == 302
    assert sven.get(address("edit", draft), follow=True).redirect_chain[-1][0] == show(draft)


@pytest.mark.parametrize("word", ["edit", "new-version", "activate", "refuse", "discard", "retire", "ask"])
def test_what_is_gone_is_not_found(sven: Client, draft: TokenType, word: str) -> None:
    sven.post(address("discard", draft), {"revision": draft.version})
    assert sven.post(address(word, draft), {}).status_code == 404


def test_what_waits_for_the_second_administrator_is_an_open_task(
    sven: Client, sara: Client, otto: Client, draft: TokenType, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    assert show(draft) not in sara.get(OPEN_TASKS).text
    sven.post(address("ask", draft), {"revision": draft.version})
    assert show(draft) in sara.get(OPEN_TASKS).text
    assert show(draft) not in sven.get(OPEN_TASKS).text
    assert show(draft) not in otto.get(OPEN_TASKS).text
    draft.refresh_from_db()
    sara.post(address("activate", draft), {"revision": draft.version})
    assert show(draft) not in sara.get(OPEN_TASKS).text


def test_an_administrator_of_one_unit_changes_nothing(draft: TokenType) -> None:
    """The catalogue is everybody's: an office that is limited to a unit does not reach it."""
    limited = signed_in(officer("lena", Role.SYSTEM_ADMINISTRATOR, unit="Nord"))
    response = limited.post(address("activate", draft), {"revision": draft.version})
    assert response.status_code == 403
    assert TokenType.objects.get(pk=draft.pk).state == "draft"


def test_a_mail_account_needs_servers_and_a_profile_for_mail(
    sven: Client, client: CertificateProfile, settings: Settings
) -> None:
    wanted = {"apple_mail_account": "on"}
    assert "APPLE_MAIL_IMAP and APPLE_MAIL_SMTP" in sven.post(NEW, type_data(client, **wanted)).text
    settings.APPLE_MAIL_SERVERS = MailServer("imap.example.com", 993), MailServer("smtp.example.com", 587)
    refused = sven.post(NEW, type_data(client, **wanted))
    assert "None of its profiles is for signing or encrypting mail." in refused.text
    assert not TokenType.objects.filter(code="wlan").exists()

    sven.post(NEW, type_data(cast.profile("mail", purpose="signature"), **wanted))
    assert TokenType.objects.get(code="wlan").apple_mail_account
