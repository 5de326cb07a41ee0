"""Permissions in ADMIN: fetches that return the object, or raise 404 or 403."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from ca_bridge.connection import registry
from identity_manager.catalogue import permission, versions
from identity_manager.console.access.offices import catalogue_reader, officer
from identity_manager.jobs import schedule
from identity_manager.jobs.schedule import Job
from identity_manager.mail.registry import MAILS
from identity_manager.models import Person, PersonState, Role, TermsDocument, TokenType
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.transactions.locking import Versioned


def system_administrator(request: HttpRequest) -> Person:
    """The officer, if they may change the catalogue."""
    actor = officer(request, Role.SYSTEM_ADMINISTRATOR)
    if not permission.is_system_administrator(actor):
        raise PermissionDenied(permission.NOT_SYSTEM_ADMINISTRATOR.sentence)
    return actor


def job_for_system_administrator(request: HttpRequest, name: str) -> tuple[Person, Job]:
    """The officer and the job of that name, for a System Administrator."""
    actor = system_administrator(request)
    job = schedule.named(name)
    if job is None:
        raise Http404
    return actor, job


def catalogue_entry_for_reader(
    request: HttpRequest, kind: type[Versioned], pk: uuid.UUID
) -> tuple[Person, Versioned]:
    """Officer and version of a token type or profile, for readers of the catalogue.

    For a discarded draft an unsaved row with what is still known: see versions.is_gone.
    """
    return catalogue_reader(request), _entry(kind, pk)


def catalogue_entry_for_system_administrator(
    request: HttpRequest, kind: type[Versioned], pk: uuid.UUID
) -> tuple[Person, Versioned]:
    """Officer and version of a token type or profile, for a System Administrator.

    For a discarded draft an unsaved row with what is still known: see versions.is_gone.
    """
    return system_administrator(request), _entry(kind, pk)


def _entry(kind: type[Versioned], pk: uuid.UUID) -> Versioned:
    """The version; of a token type with its terms."""
    rows: Any = kind.objects.all()  # of either kind
    rows = rows.select_related("terms") if kind is TokenType else rows
    found: Versioned | None = rows.filter(pk=pk).first() or versions.thrown_away(kind, pk)
    if found is None:
        raise Http404
    return found


def terms_document_for_system_administrator(
    request: HttpRequest, pk: uuid.UUID
) -> tuple[Person, TermsDocument]:
    """The officer and a terms document, for a System Administrator."""
    return system_administrator(request), get_object_or_404(TermsDocument.objects.with_draft(), pk=pk)


def connection_for_system_administrator(request: HttpRequest, alias: str) -> tuple[Person, str]:
    """The officer and the alias of a CA connection, for a System Administrator."""
    actor = system_administrator(request)
    if alias not in registry.aliases():
        raise Http404
    return actor, alias


def mail_text_for_reader(request: HttpRequest, name: str, language: str) -> Person:
    """The officer, for a mail of the product in a language of the installation."""
    actor = catalogue_reader(request)
    if name not in MAILS or language not in dict(settings.LANGUAGES):
        raise Http404
    return actor


def mail_text_for_system_administrator(request: HttpRequest, name: str, language: str) -> Person:
    """The officer, for such a mail, if they may write its text."""
    mail_text_for_reader(request, name, language)
    return system_administrator(request)


def persons_for_preview(text: str) -> PersonQuerySet:
    """Active persons whom a System Administrator may select for a certificate preview."""
    active = Person.objects.without_api_clients().filter(state=PersonState.ACTIVE)
    return active.matching(text).order_by("search_text__by_name")
