"""What of the catalogue waits for a second System Administrator: the rows of OPEN TASKS."""

from typing import Any

from django.db.models import QuerySet

from identity_manager.models import CertificateProfile, Person, TermsDraft, TokenType


def types(actor: Person) -> QuerySet[Any]:
    """Token types that this System Administrator may activate or refuse."""
    return TokenType.objects.waiting_for(actor).select_related("asked_by").order_by("asked_at", "pk")


def profiles(actor: Person) -> QuerySet[Any]:
    """Certificate profiles that this System Administrator may activate or refuse."""
    return CertificateProfile.objects.waiting_for(actor).select_related("asked_by").order_by("asked_at", "pk")


def terms(actor: Person) -> QuerySet[Any]:
    """Drafts of terms that this System Administrator may publish or refuse."""
    rows = TermsDraft.objects.waiting_for(actor).select_related("asked_by", "document")
    return rows.order_by("asked_at", "pk")
