"""ADMIN, Certificate profiles: from an empty form to a version in force, and everything that is refused."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager.models import AuditEvent, CertificateProfile, Person
from tests.identity_manager.console.catalogue.forms import (
    NEW,
    PROFILE,
    address,
    revision_in,
    saved_draft,
    seen_in,
    show,
)
from tests.tools import cast

pytestmark = pytest.mark.long

PREVIEW = reverse("console:profile-preview")


@pytest.fixture
def draft(sven: Client) -> CertificateProfile:
    return saved_draft(sven)


def test_a_new_profile_is_saved_as_a_draft(sven: Client, draft: CertificateProfile) -> None:
    assert (draft.number, draft.state) == (1, "draft")
    assert draft.name == {"en": "WLAN", "de": "Funknetz"}
    assert draft.subject == [["commonName", "{display_name}"], ["serialNumber", "{personnel_number}"]]
    assert draft.subject_alt_names == [["email", "{email}"]]
    text = sven.get(show(draft)).text
    assert "commonName = {display_name}" in text
    assert "Activate" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": ""}, "Enter a code."),
        ({"code": "no spaces"}, "Small letters"),
        ({"code": "client"}, "Another entry has this code."),
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "At most 100"),
        ({"name": "WLAN\u202e"}, "U+202E"),
        ({"purpose": ""}, "Choose what it is for."),
        ({"subject_kind": [], "subject_text": []}, "at least one attribute"),
        ({"subject_kind": ["commonName"], "subject_text": [""]}, "half filled"),
        ({"subject_kind": ["colour"], "subject_text": ["red"]}, "unknown kind"),
        (
            {"subject_kind": ["commonName"], "subject_text": ["x" * 501]},
            "Row 1 has 501 characters. There can be 500.",
        ),
        ({"subject_kind": ["commonName"], "subject_text": ["{salary}"]}, "not a field that a template may"),
        ({"subject_kind": ["commonName"], "subject_text": ["{display_name"]}, "not a template"),
        (
            {"subject_alt_names_kind": ["upn"], "subject_alt_names_text": ["admin@corp.example.com"]},
            "must be {upn}",
        ),
        (
            {"subject_alt_names_kind": ["email"], "subject_alt_names_text": ["ceo@example.com"]},
            "at least one field of the person",
        ),
        ({"key_usage": []}, "Choose at least one key usage."),
        ({"key_usage": ["keyCertSign"]}, "Select a valid choice"),
        ({"key_usage": ["keyAgreement", "keyEncipherment"]}, "No key has both"),
        ({"purpose": "encryption"}, "serves encryption alone"),
        ({"other_usages": "clientAuth"}, "not an object identifier"),
        ({"policies": "1.2.3 x"}, "not an object identifier"),
        ({"ca": "elsewhere"}, "Select a valid choice"),
        ({"ca_profile": ""}, "required"),
        ({"longest_validity_days": "0"}, "It must be from 1 to 3650."),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(
    sven: Client, company: cast.Company, change: dict[str, Any], words: str
) -> None:
    before = CertificateProfile.objects.count(), AuditEvent.objects.count()
    response = sven.post(NEW, PROFILE | change)
    assert response.status_code == 422
    assert words in response.text
    assert response.context["form"].errors
    assert "__all__" not in response.context["form"].errors
    assert (CertificateProfile.objects.count(), AuditEvent.objects.count()) == before


def test_a_draft_is_edited_and_the_change_is_in_the_history(sven: Client, draft: CertificateProfile) -> None:
    page = sven.get(address("edit", draft))
    data = {**PROFILE, "name": "WLAN of the house", "revision": revision_in(page)}
    response = sven.post(address("edit", draft), data, follow=True)
    assert "The draft is saved." in response.text
    assert str(CertificateProfile.objects.get(code="wlan").name) == "WLAN of the house"
    event = AuditEvent.objects.order_by("-pk")[0]
    before, after = ({"en": name, "de": "Funknetz"} for name in ("WLAN", "WLAN of the house"))
    assert event.facts["changes"] == [{"field": "name", "from": before, "to": after}]
    assert "Was changed" in response.text


def test_an_older_page_is_told_what_happened_and_loses_nothing(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    old = revision_in(sven.get(address("edit", draft)))
    sara.post(address("edit", draft), {**PROFILE, "ca_profile": "sara", "revision": old})
    response = sven.post(address("edit", draft), {**PROFILE, "name": "Sven's name", "revision": old})
    assert response.status_code == 409
    for words in ("Sara Muster", "Profile name at the authority", "Sven&#x27;s name"):
        assert words in response.text
    draft.refresh_from_db()
    assert (str(draft.name), draft.ca_profile) == ("WLAN", "sara")

    again = sven.post(
        address("edit", draft), {**PROFILE, "name": "Sven's name", "revision": revision_in(response)}
    )
    assert again.status_code == 302
    draft.refresh_from_db()
    assert (str(draft.name), draft.ca_profile) == ("Sven's name", "wlan")


def test_a_new_version_begins_with_what_is_in_force(sven: Client, draft: CertificateProfile) -> None:
    sven.post(address("activate", draft), {"revision": draft.version})
    page = sven.get(address("new-version", draft))
    assert 'value="{personnel_number}"' in page.text
    sven.post(address("new-version", draft), PROFILE | {"longest_validity_days": "90"} | seen_in(page))
    second = CertificateProfile.objects.get(code="wlan", number=2)
    assert second.longest_validity_days == 90
    text = sven.get(show(second)).text
    assert "What differs from version 1" in text
    assert "Longest validity, in days" in text
    assert "90" in text
    compared = sven.get(reverse("console:profile-compare", args=[draft.pk, second.pk])).text
    assert "Longest validity, in days" in compared
    assert "commonName" not in compared


def test_there_is_one_draft_at_a_time(sven: Client, draft: CertificateProfile) -> None:
    sven.post(address("activate", draft), {"revision": draft.version})
    shown = seen_in(sven.get(address("new-version", draft)))
    sven.post(address("new-version", draft), PROFILE | shown)
    second = CertificateProfile.objects.get(number=2, code="wlan")
    response = sven.get(address("new-version", draft), follow=True)
    assert response.redirect_chain[-1][0] == show(second)
    assert "There is a draft of the next version already" in response.text
    refused = sven.post(address("new-version", draft), PROFILE | shown)
    assert refused.status_code == 409
    assert f'href="{show(second)}"' in refused.text
    assert "nothing of it is saved" in refused.text
    assert CertificateProfile.objects.filter(code="wlan").count() == 2


def test_a_version_with_lint_errors_is_not_activated(sven: Client, company: cast.Company) -> None:
    uri = {"subject_alt_names_kind": ["uri"], "subject_alt_names_text": ["http:{upn}"]}
    sven.post(NEW, PROFILE | uri)
    row = CertificateProfile.objects.get(code="wlan")
    page = sven.get(show(row)).text
    assert "invalid_uri_syntax" in page
    assert "cannot be put in force" in page
    assert address("activate", row) not in page
    confirm = sven.get(address("activate", row)).text
    assert "invalid_uri_syntax" in confirm
    assert 'name="revision"' not in confirm
    response = sven.post(address("activate", row), {"revision": row.version})
    assert response.status_code == 422
    assert "invalid_uri_syntax" in response.text
    row.refresh_from_db()
    assert row.state == "draft"


def test_a_version_whose_authority_is_gone_says_so_beforehand(
    sven: Client, draft: CertificateProfile
) -> None:
    CertificateProfile.objects.filter(pk=draft.pk).update(ca="former")
    page = sven.get(show(draft)).text
    assert "Activate: This certificate authority is not in the configuration." in page
    assert address("activate", draft) not in page
    confirm = sven.get(address("activate", draft)).text
    assert "This certificate authority is not in the configuration." in confirm
    assert 'name="revision"' not in confirm
    assert sven.post(address("activate", draft), {"revision": draft.version}).status_code == 422


# --- The preview -----------------------------------------------------------------------------------
def test_the_preview_is_of_nobody_without_a_name(sven: Client) -> None:
    response = sven.post(PREVIEW, PROFILE)
    assert "Zoë Brandstætter-Óskarsdóttir" in response.text
    assert "The linter finds nothing" in response.text
    assert not CertificateProfile.objects.filter(code="wlan").exists()


def test_the_preview_is_of_a_chosen_person(sven: Client, company: cast.Company) -> None:
    text = sven.post(PREVIEW, PROFILE | {"preview_person": "Lindqvist"}).text
    assert "Uma Lindqvist" in text
    assert "uma@example.com" in text
    assert "No active person" in sven.post(PREVIEW, PROFILE | {"preview_person": "Nobody"}).text


def test_the_preview_names_no_one_who_is_not_active(sven: Client, company: cast.Company) -> None:
    cast.person("ina", state="inactive", surname="Gone")
    assert "No active person" in sven.post(PREVIEW, PROFILE | {"preview_person": "Gone"}).text


def test_remarks_stand_beside_the_field_that_they_concern(sven: Client) -> None:
    bad = {"subject_kind": ["countryName"], "subject_text": ["Germany"]}
    response = sven.post(PREVIEW, PROFILE | bad)
    (remark,) = response.context["remarks"]["subject"]
    assert remark.is_error
    assert 'id="remarks-subject" hx-swap-oob="true"' in response.text


@pytest.mark.parametrize("missing", ["upn", "sid"])
def test_a_person_who_lacks_a_field_is_told(sven: Client, company: cast.Company, missing: str) -> None:
    Person.objects.filter(pk=company.uma.pk).update(**{missing: ""})
    upn = {"subject_alt_names_kind": ["upn"], "subject_alt_names_text": ["{upn}"], "include_sid": "on"}
    text = sven.post(PREVIEW, PROFILE | upn | {"preview_person": "Lindqvist"}).text
    assert f"The person has no {missing}" in text


def test_what_is_half_typed_is_previewed_without_a_fault(sven: Client) -> None:
    for data in ({}, {"subject_kind": ["commonName"], "subject_text": ["{"]}, {"policies": "\x00"}):
        assert sven.post(PREVIEW, data).status_code == 200


def test_a_half_filled_row_is_all_that_the_preview_complains_of(sven: Client) -> None:
    rows = {
        "subject_kind": ["organizationName", "commonName"],
        "subject_text": ["", "{display_name}"],
        "subject_alt_names_kind": ["email", "upn"],
        "subject_alt_names_text": ["{email}", ""],
    }
    text = sven.post(PREVIEW, PROFILE | rows).text
    assert "organizationName is empty." in text
    assert "at least one attribute" not in text
    far_too_much = {"subject_kind": ["commonName"] * 400, "subject_text": ["x" * 5000] * 400}
    assert sven.post(PREVIEW, PROFILE | far_too_much).status_code == 200


def test_without_scripts_a_button_previews_and_saves_nothing(sven: Client) -> None:
    response = sven.post(NEW, PROFILE | {"preview": "1", "name": ""})
    assert response.status_code == 200
    assert "Zoë Brandstætter-Óskarsdóttir" in response.text
    assert "{personnel_number}" in response.text
    assert not CertificateProfile.objects.filter(code="wlan").exists()


# --- Four eyes -------------------------------------------------------------------------------------
@pytest.fixture
def four_eyes(settings: Settings) -> None:
    settings.CATALOGUE_FOUR_EYES = True


def test_a_second_administrator_activates(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    page = sven.get(show(draft)).text
    assert "Ask for activation" in page
    assert address("activate", draft) not in page
    refused = sven.post(address("activate", draft), {"revision": draft.version})
    assert refused.status_code == 403
    assert "Another System Administrator activates it" in refused.text

    asked = sven.post(address("ask", draft), {"revision": draft.version}, follow=True)
    assert "waits for a second System Administrator" in asked.text
    assert address("activate", draft) in sara.get(show(draft)).text
    revision = revision_in(sara.get(address("activate", draft)))
    assert sara.post(address("activate", draft), {"revision": revision}).status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.asked_at) == ("active", None)


def test_a_refusal_has_a_reason_that_the_author_reads(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    sven.post(address("ask", draft), {"revision": draft.version})
    revision = revision_in(sara.get(address("refuse", draft)))
    assert sara.post(address("refuse", draft), {"revision": revision, "reason": ""}).status_code == 422
    sara.post(address("refuse", draft), {"revision": revision, "reason": "The policy lacks."})
    text = sven.get(show(draft)).text
    assert "The policy lacks." in text
    assert "Ask for activation" in text


def test_who_saw_an_older_draft_does_not_activate_another(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    sven.post(address("ask", draft), {"revision": draft.version})
    seen = revision_in(sara.get(address("activate", draft)))
    draft.refresh_from_db()
    sven.post(address("edit", draft), {**PROFILE, "name": "Other", "revision": draft.version})
    response = sara.post(address("activate", draft), {"revision": seen})
    assert response.status_code == 409
    assert "changed this draft since" in response.text
    draft.refresh_from_db()
    assert (draft.state, draft.asked_at) == ("draft", None)


# --- The end ---------------------------------------------------------------------------------------
def test_a_draft_is_discarded(sven: Client, draft: CertificateProfile) -> None:
    assert "gone for good" in sven.get(address("discard", draft)).text
    response = sven.post(address("discard", draft), {"revision": draft.version}, follow=True)
    assert "discarded" in response.text
    assert not CertificateProfile.objects.filter(code="wlan").exists()


def test_a_profile_retires_with_a_reason(sven: Client, company: cast.Company) -> None:
    row = CertificateProfile.objects.get(code="client")
    assert "VPN" in sven.get(address("retire", row)).text
    assert sven.post(address("retire", row), {"reason": " "}).status_code == 422
    sven.post(address("retire", row), {"reason": "No longer bought."})
    row.refresh_from_db()
    assert row.state == "retired"
    assert sven.post(address("retire", row), {"reason": "Again"}).status_code == 409


def test_an_auditor_reads_everything_and_changes_nothing(otto: Client, company: cast.Company) -> None:
    row = CertificateProfile.objects.get(code="client")
    text = otto.get(show(row)).text
    for word in ("new-version", "retire", "edit", "activate"):
        assert address(word, row) not in text
        assert otto.post(address(word, row)).status_code == 403
    assert NEW not in otto.get(reverse("console:profiles")).text
    assert otto.post(PREVIEW).status_code == 403
