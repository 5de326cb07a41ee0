"""Permissions on outbox mails: functions that return the object, or raise 404 or 403."""

import uuid
from collections.abc import Iterable

from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import MAIL_HANDLERS, MAIL_READERS, officer, within_units
from identity_manager.console.access.requests import visible_requests
from identity_manager.models import OutgoingMail, Person, Role
from identity_manager.models.mail.outgoing_mail import OutgoingMailQuerySet
from identity_manager.ui.context import MAIL_WATCHERS


def mail_watcher(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may see the delivery state of mails."""
    return officer(request, *MAIL_WATCHERS)


def mail_retrier(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may retry mails."""
    return officer(request, *MAIL_HANDLERS)


def mail_administrator(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may discard mails."""
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def watched_mails(actor: Person) -> OutgoingMailQuerySet:
    """Return mails whose delivery state the officer sees, annotated with is_read: they may read the text too.

    System Administrators see that a mail waits and why, but not whose it is.
    """
    read = When(mails_within_units(actor, MAIL_READERS), then=Value(value=True))
    rows = OutgoingMail.objects.filter(mails_within_units(actor, MAIL_WATCHERS))
    return rows.annotate(is_read=Case(read, default=Value(value=False)))


def handled_mails(actor: Person, roles: Iterable[str]) -> OutgoingMailQuerySet:
    """Return the mails that the officer may handle with one of the roles."""
    return watched_mails(actor).filter(mails_within_units(actor, roles))


def mails_within_units(actor: Person, roles: Iterable[str]) -> Q:
    """Return the Q object for mails of the roles' units, by the person concerned, else by the recipient."""
    about = within_units(actor, roles, "request__person__organisational_unit")
    to = within_units(actor, roles, "person__organisational_unit")
    return (Q(request__isnull=False) & about) | (Q(request__isnull=True) & to)


def mail_for_watcher(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """Return the mail to an officer who sees its delivery state; loads the texts only if is_read."""
    rows = watched_mails(mail_watcher(request)).select_related("person", "request__person", "token")
    return get_object_or_404(rows, pk=pk)


def mail_for_reader(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """Return the mail with its texts to an officer who may read it."""
    actor = officer(request, *MAIL_READERS)
    return get_object_or_404(handled_mails(actor, MAIL_READERS), pk=pk)


def mail_for_retrier(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """Return the mail to an officer who may retry it."""
    actor = mail_retrier(request)
    return get_object_or_404(handled_mails(actor, MAIL_HANDLERS).select_related("request"), pk=pk)


def request_of_mail(actor: Person, mail: OutgoingMail) -> uuid.UUID | None:
    """Return the key of the mail's request, or None if the officer may not read it."""
    if mail.request is None:
        return None
    return visible_requests(actor).filter(pk=mail.request.pk).values_list("pk", flat=True).first()


def mail_for_administrator(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """Return the mail to a Software Token Administrator of the person concerned."""
    actor = mail_administrator(request)
    return get_object_or_404(handled_mails(actor, {Role.TOKEN_ADMINISTRATOR}), pk=pk)
