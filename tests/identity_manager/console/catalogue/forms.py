"""What a browser sends with the forms of the catalogue, and the pages of certificate profiles."""

import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from identity_manager.models import CertificateProfile, TermsDocument
from tests.tools import cast

NEW = reverse("console:profile-new")
PROFILE: dict[str, Any] = {
    "code": "wlan",
    "name": "WLAN",
    "name_de": "Funknetz",
    "purpose": "authentication",
    "subject_kind": ["commonName", "serialNumber", ""],
    "subject_text": ["{display_name}", "{personnel_number}", ""],
    "subject_alt_names_kind": ["email", ""],
    "subject_alt_names_text": ["{email}", ""],
    "key_usage": ["digitalSignature"],
    "extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
    "other_usages": "",
    "policies": "",
    "ca": "corporate",
    "ca_profile": "wlan",
    "longest_validity_days": "",
}


def type_data(*profiles: CertificateProfile, **changes: Any) -> dict[str, Any]:
    """A new token type with these profiles."""
    document: TermsDocument = cast.terms()
    return {
        "code": "wlan",
        "name": "WLAN",
        "name_de": "Funknetz",
        "description": "Opens the wireless network.",
        "description_de": "",
        "position": "3",
        "kinds": ["employee"],
        "approval": "never",
        "approvers_needed": "1",
        "manager_approval": "no",
        "terms": str(document.pk),
        "profiles": [str(profile.pk) for profile in profiles],
        "validity_days": "365",
        "key_algorithm": "ec-p256",
        "container_format": "standard",
        "device_rule": "may",
        "purpose_rule": "may",
        "passphrase_days": "14",
        "renewal_days": "60",
        "renewal_policy": "ask",
        "renewal_approval": "changed",
        "replaced_after_days": "7",
        "on_holder_change": "tell",
        "on_leave": "hold",
        "on_lock": "revoke",
        "installation_policy": "nothing",
        "installation_days": "14",
        **changes,
    }


def seen_in(response: HttpResponse) -> dict[str, str]:
    """What the page's form carries of what the page showed."""
    return dict(re.findall(r'name="(revision|next_number|draft)" value="([^"]*)"', response.text))


def revision_in(response: HttpResponse) -> str:
    """The revision that the page's form carries."""
    found = re.search(r'name="revision" value="(\d+)"', response.text)
    assert found is not None
    return found.group(1)


def address(what: str, row: CertificateProfile) -> str:
    return reverse(f"console:profile-{what}", args=[row.pk])


def show(row: CertificateProfile) -> str:
    return reverse("console:profile", args=[row.pk])


def saved_draft(officer: Client) -> CertificateProfile:
    """A draft that the officer has saved."""
    assert officer.post(NEW, PROFILE).status_code == 302
    return CertificateProfile.objects.get(code="wlan")
