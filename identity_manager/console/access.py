"""Who may see what in Identity Manager: named fetches that give the object, or answer 404 or 403.

What an officer may not know of is 404; what they may see but not do is 403. A role that is limited to an
organisational unit sees the persons of that unit, and what is theirs.
"""

import uuid
from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    OFFICER_ROLES,
    OutgoingMail,
    Person,
    Role,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.person import PersonQuerySet
from identity_manager.ui.context import ADMINISTRATORS, REQUEST_READERS, SEARCHERS
from identity_manager.workflow import policy, sign_in_code_policy

NO_OFFICE = _(
    "Identity Manager is for officers, and you hold no office. Your own tokens are in Self-Service."
)
NOT_YOUR_OFFICE = _("None of your roles opens this page.")

# An approver reads what needs, or needed, an approval; the others read every request of their units.
ALL_REQUESTS_READERS = REQUEST_READERS - {Role.APPROVER}
CATALOGUE_READERS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})
OFFICE_READERS = frozenset({Role.USER_ADMINISTRATOR, Role.AUDITOR})
EVERYTHING = Q(pk__isnull=False)
NOTHING = Q(pk__isnull=True)


def officer(request: HttpRequest, *roles: Role) -> Person:
    """The signed-in officer who holds one of the roles; without roles, any. Raises PermissionDenied."""
    person: Person | None = getattr(request, "person", None)
    if person is None or not person.is_active:
        raise PermissionDenied(NO_OFFICE)
    prefetch_related_objects([person], "roles")
    held = {assignment.role for assignment in person.roles.all()}
    if held.isdisjoint(OFFICER_ROLES):
        raise PermissionDenied(NO_OFFICE)
    if roles and held.isdisjoint(roles):
        raise PermissionDenied(NOT_YOUR_OFFICE)
    return person


def holds(actor: Person, roles: Iterable[str]) -> bool:
    """Whether the actor holds one of the roles, somewhere."""
    wanted = set(roles)
    return any(held.role in wanted for held in actor.roles.all())


def within_units(actor: Person, roles: Iterable[str], unit_field: str) -> Q:
    """What these roles of the actor reach: everything, the rows of their units, or nothing."""
    wanted = set(roles)
    units = {held.organisational_unit for held in actor.roles.all() if held.role in wanted}
    if "" in units:
        return EVERYTHING
    return Q(**{f"{unit_field}__in": units}) if units else NOTHING


def visible_persons(actor: Person) -> PersonQuerySet:
    """The persons whom this officer may search and read."""
    return Person.objects.filter(within_units(actor, SEARCHERS, "organisational_unit"))


def visible_requests(actor: Person) -> QuerySet[TokenRequest]:
    """The requests that this officer may read."""
    unit = "person__organisational_unit"
    in_full = within_units(actor, ALL_REQUESTS_READERS, unit)
    to_decide = within_units(actor, {Role.APPROVER}, unit) & Q(approvals_needed__gt=0)
    return TokenRequest.objects.filter(in_full | to_decide)


def searcher(request: HttpRequest) -> Person:
    """The officer, if they may search persons."""
    return officer(request, *SEARCHERS)


def request_reader(request: HttpRequest) -> Person:
    """The officer, if they may read requests."""
    return officer(request, *REQUEST_READERS)


def system_reader(request: HttpRequest) -> Person:
    """The officer, if they may read how the installation is set up."""
    return officer(request, *ADMINISTRATORS)


def catalogue_reader(request: HttpRequest) -> Person:
    """The officer, if they may read token types, terms and certificate authorities."""
    return officer(request, *CATALOGUE_READERS)


def person_for_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for who may read them."""
    actor = searcher(request)
    return get_object_or_404(visible_persons(actor).select_related("manager"), pk=pk)


def person_for_enabling(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Software Token Administrator of their organisational unit."""
    person = person_for_officer(request, pk)
    _must_administer(officer(request), person)
    return person


def person_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Registration Officer of their organisational unit."""
    person = person_for_officer(request, pk)
    if not sign_in_code_policy.is_officer_for(officer(request), person):
        raise PermissionDenied(sign_in_code_policy.NOT_OFFICER.sentence)
    return person


def sign_in_code_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> SignInCode:
    """The sign-in code, for a Registration Officer of its person's unit. Its hash is not read."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = SignInCode.objects.select_related("asked_by", "confirmed_by").defer("code_hash")
    code = get_object_or_404(rows, pk=pk)
    code.person = person_for_registration_officer(request, code.person_id)
    return code


def request_for_officer(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """The request, for who may read it."""
    actor = request_reader(request)
    rows = visible_requests(actor).select_related("person", "requested_by")
    return get_object_or_404(rows, pk=pk)


def request_for_approver(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """The request, for an Approver who may read it; whether they may decide is the verb's word."""
    officer(request, Role.APPROVER)
    return request_for_officer(request, pk)


def request_for_administrator(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """The request, for a Software Token Administrator of the person's unit."""
    found = request_for_officer(request, pk)
    _must_administer(officer(request), found.person)
    return found


def token_for_administrator(request: HttpRequest, pk: uuid.UUID) -> SoftwareToken:
    """The token, for a Software Token Administrator of the person's unit. Its secrets are not read."""
    actor = request_reader(request)
    rows = SoftwareToken.objects.filter(request__in=visible_requests(actor))
    rows = rows.select_related("person", "request", "token_type").defer("passphrase_wrapped")
    found: SoftwareToken = get_object_or_404(rows, pk=pk)
    _must_administer(actor, found.person)
    return found


def request_of_mail_for_administrator(request: HttpRequest, pk: uuid.UUID) -> TokenRequest:
    """The request that the mail is about, for a Software Token Administrator of the recipient's unit."""
    actor = request_reader(request)
    rows = OutgoingMail.objects.select_related("person", "request")
    mail: OutgoingMail = get_object_or_404(rows, pk=pk, request__in=visible_requests(actor))
    _must_administer(actor, mail.person)
    return visible_requests(actor).get(mails=mail)


def _must_administer(actor: Person, person: Person) -> None:
    if not policy.administers(actor, person):
        raise PermissionDenied(policy.NOT_ADMINISTRATOR.sentence)
