"""Permissions on outbox mails: fetches that return the object, or raise 404 or 403."""

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
    """The officer, if they may see the delivery state of mails."""
    return officer(request, *MAIL_WATCHERS)


def mail_retrier(request: HttpRequest) -> Person:
    """The officer, if they may retry mails."""
    return officer(request, *MAIL_HANDLERS)


def mail_administrator(request: HttpRequest) -> Person:
    """The officer, if they may discard mails."""
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def watched_mails(actor: Person) -> OutgoingMailQuerySet:
    """Mails whose delivery state this officer sees; is_read: whether they may read the mail too.

    System Administrators see that a mail waits and why, but not whose it is.
    """
    read = When(mails_within_units(actor, MAIL_READERS), then=Value(value=True))
    rows = OutgoingMail.objects.filter(mails_within_units(actor, MAIL_WATCHERS))
    return rows.annotate(is_read=Case(read, default=Value(value=False)))


def handled_mails(actor: Person, roles: Iterable[str]) -> OutgoingMailQuerySet:
    """Mails on which this officer may act by one of the roles."""
    return watched_mails(actor).filter(mails_within_units(actor, roles))


def mails_within_units(actor: Person, roles: Iterable[str]) -> Q:
    """Mails within these roles' units, by the person they are about, else by the recipient."""
    about = within_units(actor, roles, "request__person__organisational_unit")
    to = within_units(actor, roles, "person__organisational_unit")
    return (Q(request__isnull=False) & about) | (Q(request__isnull=True) & to)


def mail_for_watcher(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """The mail, for who may see its delivery state; texts are loaded only where is_read."""
    rows = watched_mails(mail_watcher(request)).select_related("person", "request__person", "token")
    return get_object_or_404(rows, pk=pk)


def mail_for_reader(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """The mail with its texts, for who may read it."""
    actor = officer(request, *MAIL_READERS)
    return get_object_or_404(handled_mails(actor, MAIL_READERS), pk=pk)


def mail_for_retrier(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """The mail, for who may have it tried again."""
    actor = mail_retrier(request)
    return get_object_or_404(handled_mails(actor, MAIL_HANDLERS).select_related("request"), pk=pk)


def request_of_mail(actor: Person, mail: OutgoingMail) -> uuid.UUID | None:
    """The request that the mail is about, where the officer may read it."""
    if mail.request is None:
        return None
    return visible_requests(actor).filter(pk=mail.request.pk).values_list("pk", flat=True).first()


def mail_for_administrator(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """The mail, for a Software Token Administrator of the person whom it is about."""
    actor = mail_administrator(request)
    return get_object_or_404(handled_mails(actor, {Role.TOKEN_ADMINISTRATOR}), pk=pk)
