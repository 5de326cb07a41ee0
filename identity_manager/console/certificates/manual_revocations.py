"""Manual revocations at CAs without revocation interface: rows of OPEN TASKS, and the fetch of one."""

import uuid
from datetime import datetime
from operator import attrgetter

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices, requests
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import LONG_AGO
from identity_manager.models import Certificate, Person, Role, SurplusByHand
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments


def certificates(actor: Person, now: datetime) -> QuerySet[Certificate]:
    """Certificates that this administrator has to revoke by hand; wrapped keys stay in the database."""
    return _drawn(Certificate.objects.to_be_revoked_by_hand(now).filter(_reached(actor)))


def surplus(actor: Person, now: datetime) -> QuerySet[SurplusByHand]:
    """The same of what was issued beside what is used.

    The few rows first, and their certificates by key: in one statement, a database that has no statistics of
    an empty table may begin with all certificates instead.
    """
    rows = surplus_of(Certificate.objects.filter(_reached(actor)), now)
    rows = rows.select_related("flagged").defer("flagged__certificate")
    return rows.prefetch_related(Prefetch("certificate", _drawn(Certificate.objects.all())))


def _any_certificates() -> QuerySet[Certificate]:
    return Certificate.objects.to_be_revoked_by_hand(LONG_AGO)


def _any_surplus() -> QuerySet[SurplusByHand]:
    return SurplusByHand.objects.to_be_revoked(LONG_AGO)


ANY = (_any_certificates, _any_surplus)  # whose ever they are


def surplus_of(certificates: QuerySet[Certificate], now: datetime) -> QuerySet[SurplusByHand]:
    """Surplus certificates that were issued beside these and are still to be revoked by hand."""
    beside = certificates.filter(pk=OuterRef("certificate_id"))
    return SurplusByHand.objects.to_be_revoked(now).filter(Exists(beside))


def _drawn(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    rows = rows.select_related("profile", "token__person", "token__token_type")
    return rows.defer("private_key_wrapped", "certificate", "token__passphrase_wrapped", "token__snapshot")


def _reached(actor: Person) -> Q:
    return offices.within_units(actor, {Role.TOKEN_ADMINISTRATOR}, "token__person__organisational_unit")


def surplus_for_administrator(request: HttpRequest, pk: uuid.UUID) -> SurplusByHand:
    """The surplus certificate, for a Software Token Administrator of the person's unit; else 404."""
    found = get_object_or_404(SurplusByHand.objects.select_related("flagged"), pk=pk)
    found.certificate = requests.certificate_for_administrator(request, found.certificate_id)
    return found


def _done(row: Certificate | SurplusByHand) -> str:
    of_surplus = isinstance(row, SurplusByHand)
    view = "surplus-revoked-by-hand" if of_surplus else "certificate-revoked-by-hand"
    return reverse(f"console:{view}", args=[row.pk])


def _person(row: Certificate | SurplusByHand) -> object:
    return columns.person_cell(row.token.person, reverse("console:request", args=[row.token.request_id]))


COLUMNS = columns.table(
    Column("person", _("Person"), _person, width="column-wide"),
    Column("certificate", _("Certificate"), attrgetter("profile.name")),
    Column("serial", _("Serial number"), attrgetter("serial"), css="mono"),
    Column(
        "authority",
        _("Certificate authority"),
        lambda row: cells.authority(row.profile.ca, row.issuer, row.last_error),
        width="column-wide",
    ),
    Column("reason", _("Reason"), attrgetter("revocation_reason_words")),
    Column(
        "decided",
        _("Decided"),
        lambda row: moments.when(row.revocation_decided_at),
        width="column-narrow",
    ),
    columns.action(_("It is revoked"), _done),
)
