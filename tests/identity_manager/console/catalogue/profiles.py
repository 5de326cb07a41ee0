"""The pages of certificate profiles, and a draft that an officer has saved there."""

from django.test import Client
from django.urls import reverse

from identity_manager.models import CertificateProfile
from tests.identity_manager.console.catalogue.forms import PROFILE

NEW = reverse("console:profile-new")


def address(what: str, row: CertificateProfile) -> str:
    return reverse(f"console:profile-{what}", args=[row.pk])


def show(row: CertificateProfile) -> str:
    return reverse("console:profile", args=[row.pk])


def saved_draft(officer: Client) -> CertificateProfile:
    assert officer.post(NEW, PROFILE).status_code == 302
    return CertificateProfile.objects.get(code="wlan")
