"""Who may see what in Identity Manager: named fetches that give the object, or answer 404 or 403.

What an officer may not know of is 404; what they may see but not do is 403. A role that is limited to an
organisational unit sees the persons of that unit, and what is theirs.
"""

import uuid
from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.core.exceptions import PermissionDenied
from django.db.models import (
    Case,
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
    prefetch_related_objects,
)
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    OFFICER_ROLES,
    AskedApprover,
    BatchOrder,
    Certificate,
    IdentityChange,
    OutgoingMail,
    Person,
    PersonImport,
    Role,
    RoleAssignment,
    SavedSearch,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.batch_order import BatchOrderQuerySet
from identity_manager.models.certificate import CertificateQuerySet
from identity_manager.models.outgoing_mail import OutgoingMailQuerySet
from identity_manager.models.person import PersonQuerySet
from identity_manager.people import registration_policy
from identity_manager.ui.context import (
    ADMINISTRATORS,
    BATCH_READERS,
    MAIL_WATCHERS,
    REQUEST_READERS,
    SEARCHERS,
)
from identity_manager.workflow import imports, policy, sign_in_code_policy

NO_OFFICE = _(
    "Identity Manager is for officers, and you have no role in it. Your own software tokens are in "
    "Self-Service."
)
NOT_YOUR_OFFICE = _("None of your roles opens this page.")

# An approver reads what needs, or needed, an approval; the others read every request of their units.
ALL_REQUESTS_READERS = REQUEST_READERS - {Role.APPROVER}
MAIL_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
MAIL_ADMINISTRATORS = frozenset({Role.TOKEN_ADMINISTRATOR})
MAIL_HANDLERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR})
CATALOGUE_READERS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})
ROLE_GIVERS = frozenset({Role.USER_ADMINISTRATOR, Role.REGISTRATION_OFFICER})
OFFICE_READERS = frozenset({Role.USER_ADMINISTRATOR, Role.AUDITOR})
EVERYTHING = Q(pk__isnull=False)
NOTHING = Q(pk__isnull=True)


def officer(request: HttpRequest, *roles: Role) -> Person:
    """The signed-in officer who holds one of the roles; without roles, any. Raises PermissionDenied."""
    person: Person | None = getattr(request, "person", None)
    if person is None or not person.is_active:
        raise PermissionDenied(NO_OFFICE)
    prefetch_related_objects([person], "roles")
    held = {assignment.role for assignment in person.roles_in_force()}
    if held.isdisjoint(OFFICER_ROLES):
        raise PermissionDenied(NO_OFFICE)
    if roles and held.isdisjoint(roles):
        raise PermissionDenied(NOT_YOUR_OFFICE)
    return person


def holds(actor: Person, roles: Iterable[str]) -> bool:
    """Whether the actor holds one of the roles, somewhere."""
    return not set(roles).isdisjoint(held.role for held in actor.roles_in_force())


def within_units(actor: Person, roles: Iterable[str], unit_field: str) -> Q:
    """What these roles of the actor reach: everything, the rows of their units, or nothing."""
    wanted = set(roles)
    units = {held.organisational_unit for held in actor.roles_in_force() if held.role in wanted}
    if "" in units:
        return EVERYTHING
    return Q(**{f"{unit_field}__in": units}) if units else NOTHING


def visible_persons(actor: Person) -> PersonQuerySet:
    """The persons whom this officer may search and read."""
    return Person.objects.filter(within_units(actor, SEARCHERS, "organisational_unit"))


def may_see(actor: Person, person: Person) -> bool:
    """Whether this officer may search and read the person; as visible_persons, without asking anew."""
    held = [each for each in actor.roles_in_force() if each.role in SEARCHERS]
    return any(each.organisational_unit in ("", person.organisational_unit) for each in held)


def visible_requests(actor: Person) -> QuerySet[TokenRequest]:
    """The requests that this officer may read."""
    unit = "person__organisational_unit"
    in_full = within_units(actor, ALL_REQUESTS_READERS, unit)
    asked = Exists(AskedApprover.objects.filter(request=OuterRef("pk")))
    to_decide = within_units(actor, {Role.APPROVER}, unit) & (Q(approvals_needed__gt=0) | Q(asked))
    return TokenRequest.objects.filter(_any_of(in_full, to_decide))


def visible_certificates(actor: Person) -> CertificateQuerySet:
    """The certificates of the persons and of the requests that this officer may read."""
    unit = "token__person__organisational_unit"
    of_persons = within_units(actor, SEARCHERS, unit)
    in_full = within_units(actor, ALL_REQUESTS_READERS, unit)
    of_requests = Q(token__request__in=visible_requests(actor))
    return Certificate.objects.filter(_any_of(of_persons, in_full, of_requests))


def _any_of(*conditions: Q) -> Q:
    """One of them. Everything is said alone: the database need not join what decides nothing."""
    return EVERYTHING if EVERYTHING in conditions else reduce(or_, conditions)


def searcher(request: HttpRequest) -> Person:
    """The officer, if they may search persons."""
    return officer(request, *SEARCHERS)


def finder(request: HttpRequest, readers: Iterable[str]) -> Person:
    """The officer, if they may look for what these roles may look for."""
    return officer(request, *(Role(role) for role in readers))


def request_reader(request: HttpRequest) -> Person:
    """The officer, if they may read requests."""
    return officer(request, *REQUEST_READERS)


def system_reader(request: HttpRequest) -> Person:
    """The officer, if they may read how the installation is set up."""
    return officer(request, *ADMINISTRATORS)


def catalogue_reader(request: HttpRequest) -> Person:
    """The officer, if they may read token types, terms and certificate authorities."""
    return officer(request, *CATALOGUE_READERS)


def office_reader(request: HttpRequest) -> Person:
    """The officer, if they may read who holds which office."""
    return officer(request, *OFFICE_READERS)


def person_for_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for who may read them."""
    rows = visible_persons(searcher(request)).select_related("manager", "account")
    return get_object_or_404(rows.defer("account__password"), pk=pk)


def person_for_enabling(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Software Token Administrator of their organisational unit."""
    person = person_for_officer(request, pk)
    _must_administer(officer(request), person)
    return person


def registration_officer(request: HttpRequest) -> Person:
    """The officer, if they are a Registration Officer somewhere."""
    return officer(request, Role.REGISTRATION_OFFICER)


def importer(request: HttpRequest) -> Person:
    """The officer, if they are a Registration Officer of every organisational unit."""
    actor = registration_officer(request)
    reason = imports.officer_obstacle(actor)
    if reason is not None:
        raise PermissionDenied(reason.sentence)
    return actor


def import_for_officer(request: HttpRequest, pk: uuid.UUID) -> PersonImport:
    """The import, for who may import. Its file is read where it is planned."""
    importer(request)
    rows = PersonImport.objects.select_related("asked_by", "decided_by")
    return get_object_or_404(rows, pk=pk)


def person_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a Registration Officer of their organisational unit."""
    person = person_for_officer(request, pk)
    if not sign_in_code_policy.is_officer_for(officer(request), person):
        raise PermissionDenied(registration_policy.NOT_REGISTRATION_OFFICER.sentence)
    return person


def person_for_roles(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for who assigns roles, or reads who holds them; which of them is the verb's word."""
    officer(request, *ROLE_GIVERS, *(() if request.method == "POST" else (Role.AUDITOR,)))
    person = person_for_officer(request, pk)
    roles = RoleAssignment.objects.select_related("assigned_by")
    prefetch_related_objects([person], Prefetch("roles", roles))
    return person


def person_for_user_administrator(request: HttpRequest, pk: uuid.UUID) -> Person:
    """The person, for a User Administrator who sees them."""
    officer(request, Role.USER_ADMINISTRATOR)
    return person_for_officer(request, pk)


def identity_change_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> IdentityChange:
    """The change of identity, for a Registration Officer of its person's unit."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = IdentityChange.objects.select_related("asked_by", "decided_by")
    change = get_object_or_404(rows, pk=pk)
    change.person = person_for_registration_officer(request, change.person_id)
    return change


def identity_changes_for_registration_officer(request: HttpRequest) -> QuerySet[IdentityChange]:
    """The changes of identity of the persons of this Registration Officer's units."""
    actor = officer(request, Role.REGISTRATION_OFFICER)
    roles = frozenset({Role.REGISTRATION_OFFICER})
    rows = IdentityChange.objects.select_related("person", "asked_by")
    return rows.filter(within_units(actor, roles, "person__organisational_unit"))


def sign_in_code_for_registration_officer(request: HttpRequest, pk: uuid.UUID) -> SignInCode:
    """The sign-in code, for a Registration Officer of its person's unit. Its hash is not read."""
    officer(request, Role.REGISTRATION_OFFICER)
    rows = SignInCode.objects.select_related("asked_by", "confirmed_by").defer("code_hash")
    code = get_object_or_404(rows, pk=pk)
    code.person = person_for_registration_officer(request, code.person_id)
    return code


def saved_search(request: HttpRequest, pk: uuid.UUID) -> SavedSearch:
    """A saved search, for its owner."""
    actor = officer(request, *(SEARCHERS | REQUEST_READERS))
    return get_object_or_404(SavedSearch.objects.select_related("owner"), pk=pk, owner=actor)


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


def certificate_for_administrator(request: HttpRequest, pk: uuid.UUID) -> Certificate:
    """The certificate, for a Software Token Administrator of the person's unit. Its key is not read."""
    actor = request_reader(request)
    rows = Certificate.objects.filter(token__request__in=visible_requests(actor))
    rows = rows.select_related("profile", "token__person").defer("private_key_wrapped", "certificate")
    found: Certificate = get_object_or_404(rows.defer("token__passphrase_wrapped"), pk=pk)
    _must_administer(actor, found.token.person)
    return found


def token_for_administrator(request: HttpRequest, pk: uuid.UUID) -> SoftwareToken:
    """The token, for a Software Token Administrator of the person's unit. Its secrets are not read."""
    actor = request_reader(request)
    rows = SoftwareToken.objects.filter(request__in=visible_requests(actor))
    rows = rows.select_related("person", "request", "token_type").defer("passphrase_wrapped")
    found: SoftwareToken = get_object_or_404(rows, pk=pk)
    _must_administer(actor, found.person)
    return found


def mail_watcher(request: HttpRequest) -> Person:
    """The officer, if they may see how the mails go."""
    return officer(request, *MAIL_WATCHERS)


def mail_retrier(request: HttpRequest) -> Person:
    """The officer, if they may have mails tried again."""
    return officer(request, *MAIL_HANDLERS)


def mail_administrator(request: HttpRequest) -> Person:
    """The officer, if they may give mails up."""
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def watched_mails(actor: Person) -> OutgoingMailQuerySet:
    """The mails whose way this officer sees; is_read says whether they may read one, too.

    A System Administrator sees that a mail waits and why, but not whose it is: no persons' business.
    """
    read = When(mails_within_units(actor, MAIL_READERS), then=Value(value=True))
    rows = OutgoingMail.objects.filter(mails_within_units(actor, MAIL_WATCHERS))
    return rows.annotate(is_read=Case(read, default=Value(value=False)))


def handled_mails(actor: Person, roles: Iterable[str]) -> OutgoingMailQuerySet:
    """The mails on which this officer may act by one of the roles."""
    return watched_mails(actor).filter(mails_within_units(actor, roles))


def mails_within_units(actor: Person, roles: Iterable[str]) -> Q:
    """What these roles reach: mails by the person whom they are about, else by the one whom they go to."""
    about = within_units(actor, roles, "request__person__organisational_unit")
    to = within_units(actor, roles, "person__organisational_unit")
    return (Q(request__isnull=False) & about) | (Q(request__isnull=True) & to)


def mail_for_watcher(request: HttpRequest, pk: uuid.UUID) -> OutgoingMail:
    """The mail, for who sees how mails go; its texts are read only where is_read."""
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


def batch_reader(request: HttpRequest) -> Person:
    """The officer, if they may read batch orders."""
    return officer(request, *BATCH_READERS)


def batch_giver(request: HttpRequest) -> Person:
    """The officer, if they may give batch orders."""
    return officer(request, Role.TOKEN_ADMINISTRATOR)


def reads_all_batches(actor: Person) -> bool:
    """Whether the officer reads the orders of others, too: who reads persons of every unit."""
    return within_units(actor, BATCH_READERS, "organisational_unit") == EVERYTHING


def visible_batches(actor: Person) -> BatchOrderQuerySet:
    """The batch orders that this officer may read: their own, or all."""
    rows = BatchOrder.objects.listed()
    return rows if reads_all_batches(actor) else rows.filter(asked_by=actor)


def batch_for_officer(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """The batch order, for who may read it."""
    return get_object_or_404(visible_batches(batch_reader(request)), pk=pk)


def batch_for_giver(request: HttpRequest, pk: uuid.UUID) -> BatchOrder:
    """The batch order, for a Software Token Administrator; whether they may is the verb's word."""
    batch_giver(request)
    return batch_for_officer(request, pk)


def _must_administer(actor: Person, person: Person) -> None:
    if not policy.administers(actor, person):
        raise PermissionDenied(policy.NOT_ADMINISTRATOR.sentence)
