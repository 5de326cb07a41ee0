"""What of the catalogue waits for a second System Administrator: the rows of OPEN TASKS."""

from typing import Any

from django.db.models import QuerySet

from identity_manager.catalogue import permission
from identity_manager.models import CertificateProfile, Person, TermsDraft, TokenType


def types(actor: Person) -> QuerySet[Any]:
    """Token types that this System Administrator may activate or refuse."""
    rows = TokenType.objects.waiting_for(actor).select_related("asked_by")
    return _for(actor, rows.order_by("asked_at", "pk"))


def profiles(actor: Person) -> QuerySet[Any]:
    """Certificate profiles that this System Administrator may activate or refuse."""
    rows = CertificateProfile.objects.waiting_for(actor).select_related("asked_by")
    return _for(actor, rows.order_by("asked_at", "pk"))


def terms(actor: Person) -> QuerySet[Any]:
    """Drafts of terms that this System Administrator may publish or refuse."""
    rows = TermsDraft.objects.waiting_for(actor).select_related("asked_by", "document")
    return _for(actor, rows.order_by("asked_at", "pk"))


def _for(actor: Person, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Nothing for who administers one unit alone: the catalogue is of every unit."""
    return rows if permission.is_system_administrator(actor) else rows.none()
