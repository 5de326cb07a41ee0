"""Permissions on requests, certificates and tokens: functions that return the object, or raise 404 or 403."""

import uuid
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from identity_manager.console.access.offices import ALL_REQUESTS_READERS, _any_of, officer, within_units
from identity_manager.models import AskedApprover, Certificate, Person, Role, SoftwareToken, TokenRequest
from identity_manager.models.people.person import EVERYTHING
from identity_manager.models.requests.certificate import CertificateQuerySet
from identity_manager.queries import console_pages
from identity_manager.ui.context import REQUEST_READERS, SEARCHERS
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import reminders_by_hand

Row = TypeVar("Row")


def visible_requests(actor: Person) -> QuerySet[TokenRequest]:
    """Return the requests that the officer may read."""
    unit = "person__organisational_unit"
    in_full = within_units(actor, ALL_REQUESTS_READERS, unit)
    asked = Exists(AskedApprover.objects.filter(request=OuterRef("pk")))
    to_decide = within_units(actor, {Role.APPROVER}, unit) & (Q(approvals_needed__gt=0) | Q(asked))
    return TokenRequest.objects.filter(_any_of(in_full, to_decide))


def reads_all(actor: Person) -> bool:
    """Whether this officer may read the requests of all units, whoever decides on them."""
    return within_units(actor, ALL_REQUESTS_READERS, "person__organisational_unit") == EVERYTHING


def visible_certificates(actor: Person) -> CertificateQuerySet:
    """Return the certificates of the persons and the requests that the officer may read."""
    unit = "token__person__organisational_unit"
    of_persons = within_units(actor, SEARCHERS, unit)
    in_full = within_units(actor, ALL_REQUESTS_READERS, unit)
    of_requests = Q(token__request__in=visible_requests(actor))
    return Certificate.objects.filter(_any_of(of_persons, in_full, of_requests))


def request_reader(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may read requests."""
    return officer(request, *REQUEST_READERS)


def request_for_officer(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """Return the request to an officer who may read it."""
    actor = request_reader(request)
    if reads_all(actor):
        return row_or_404(console_pages.request(pk))
    return get_object_or_404(console_pages.requests_page(visible_requests(actor)), pk=pk)


def row_or_404(row: Row | None) -> Row:
    """Return the row; raise 404 for none."""
    if row is None:
        raise Http404
    return row


def request_for_approver(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """Return the request to an Approver who may read it; the verb checks whether they may decide."""
    officer(request, Role.APPROVER)
    return request_for_officer(request, pk)


def request_for_administrator(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """Return the request to a Software Token Administrator of the person's unit."""
    found = request_for_officer(request, pk)
    _must_administer(officer(request), found.person)
    return found


def request_for_reminding(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """Return the request to its requester or an administrator, who may remind the approvers."""
    found = request_for_officer(request, pk)
    if not reminders_by_hand.reminds_approvers(actor=officer(request), request=found):
        raise PermissionDenied(reminders_by_hand.NOT_THE_ASKER.sentence)
    return found


def certificate_for_administrator(request: HttpRequest, pk: uuid.UUID) -> Certificate:
    """Return the certificate to a Software Token Administrator of the unit. Defers the private key."""
    actor = request_reader(request)
    rows = Certificate.objects.filter(token__request__in=visible_requests(actor))
    rows = rows.select_related("profile", "token__person").defer("private_key_wrapped", "certificate")
    found: Certificate = get_object_or_404(rows.defer("token__passphrase_wrapped"), pk=pk)
    _must_administer(actor, found.token.person)
    return found


def token_for_administrator(request: HttpRequest, pk: uuid.UUID) -> SoftwareToken:
    """Return the token to a Software Token Administrator of the unit. Defers the passphrase."""
    actor = request_reader(request)
    rows = SoftwareToken.objects.filter(request__in=visible_requests(actor))
    rows = rows.select_related("person", "request", "token_type").defer("passphrase_wrapped")
    found: SoftwareToken = get_object_or_404(rows, pk=pk)
    _must_administer(actor, found.person)
    return found


def key_revoker(request: HttpRequest) -> Person:
    """Return the officer; raise PermissionDenied unless they may revoke by public key.

    The verb checks which certificates.
    """
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def public_key_of(certificate: Certificate) -> str:
    """Return the SHA-256 of the certificate's public key in hexadecimal, or "" before issuance."""
    imported: Any = getattr(certificate, "imported", None)
    return certificate.public_key_sha256 or (imported.public_key_sha256 if imported else "")


def _must_administer(actor: Person, person: Person) -> None:
    if not eligibility.administers(actor, person):
        raise PermissionDenied(eligibility.NOT_ADMINISTRATOR.sentence)
