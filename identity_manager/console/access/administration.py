"""Permissions in ADMIN: functions that return the object, or raise 404 or 403."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from ca_bridge.connection import registry
from identity_manager.catalogue import permission, versions
from identity_manager.console.access.offices import NOT_YOUR_OFFICE, catalogue_reader, officer
from identity_manager.jobs import schedule
from identity_manager.jobs.schedule import Job
from identity_manager.mail.registry import MAILS
from identity_manager.models import Person, PersonState, Role, TermsDocument, TokenType
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.transactions.locking import Versioned


def system_administrator(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may change the catalogue."""
    actor = officer(request, Role.SYSTEM_ADMINISTRATOR)
    if not permission.is_system_administrator(actor):
        raise PermissionDenied(permission.NOT_SYSTEM_ADMINISTRATOR.sentence)
    return actor


def administrator(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they are System Administrator of all units.

    For pages of what has persons of any unit: an administrator of one unit gets the answer of other officers.
    """
    actor = officer(request, Role.SYSTEM_ADMINISTRATOR)
    if not permission.is_system_administrator(actor):
        raise PermissionDenied(NOT_YOUR_OFFICE)
    return actor


def job_for_system_administrator(request: HttpRequest, name: str) -> tuple[Person, Job]:
    """Return a System Administrator and the scheduled job of that name; raise 404 if there is none."""
    actor = system_administrator(request)
    job = schedule.named(name)
    if job is None:
        raise Http404
    return actor, job


def catalogue_entry_for_reader(
    request: HttpRequest, kind: type[Versioned], pk: uuid.UUID
) -> tuple[Person, Versioned]:
    """Return the officer and the version of a token type or profile; the officer reads the catalogue.

    For a discarded draft, return an unsaved row from the audit log: see versions.is_gone.
    """
    return catalogue_reader(request), _entry(kind, pk)


def catalogue_entry_for_system_administrator(
    request: HttpRequest, kind: type[Versioned], pk: uuid.UUID
) -> tuple[Person, Versioned]:
    """Return a System Administrator and the version of a token type or profile.

    For a discarded draft, return an unsaved row from the audit log: see versions.is_gone.
    """
    return system_administrator(request), _entry(kind, pk)


def _entry(kind: type[Versioned], pk: uuid.UUID) -> Versioned:
    """Return the version; load the terms of a token type in the same query."""
    rows: Any = kind.objects.all()  # of either kind
    rows = rows.select_related("terms") if kind is TokenType else rows
    found: Versioned | None = rows.filter(pk=pk).first() or versions.discarded(kind, pk)
    if found is None:
        raise Http404
    return found


def terms_document_for_system_administrator(
    request: HttpRequest, pk: uuid.UUID
) -> tuple[Person, TermsDocument]:
    """Return a System Administrator and the terms document."""
    return system_administrator(request), get_object_or_404(TermsDocument.objects.with_draft(), pk=pk)


def connection_for_system_administrator(request: HttpRequest, alias: str) -> tuple[Person, str]:
    """Return a System Administrator and the alias of a CA connection; raise 404 if it is not configured."""
    actor = system_administrator(request)
    if alias not in registry.aliases():
        raise Http404
    return actor, alias


def mail_text_for_reader(request: HttpRequest, name: str, language: str) -> Person:
    """Return a catalogue reader; raise 404 unless the mail and the language exist."""
    actor = catalogue_reader(request)
    if name not in MAILS or language not in dict(settings.LANGUAGES):
        raise Http404
    return actor


def mail_text_for_system_administrator(request: HttpRequest, name: str, language: str) -> Person:
    """Return a System Administrator; raise 404 unless the mail and the language exist."""
    mail_text_for_reader(request, name, language)
    return system_administrator(request)


def persons_for_preview(text: str) -> PersonQuerySet:
    """Return the active persons that match the text, for the person field of a certificate preview."""
    active = Person.objects.without_api_clients().filter(state=PersonState.ACTIVE)
    return active.matching(text).order_by("search_text__by_name")
