"""Object-level permissions of Self-Service: fetches for the owner alone; others' objects are 404."""

import uuid
from typing import cast

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Certificate,
    Container,
    OwnerConsent,
    Person,
    PersonState,
    Recovery,
    RequestKind,
    Role,
    SoftwareToken,
    TermsNotice,
    TokenRequest,
)
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import eligibility

NO_PERSON = Reason("no-person", _("Your account belongs to no person. Ask your Registration Officer."))


def obstacle(person: Person | None) -> Reason | None:
    """Why Self-Service is closed for this person, or None."""
    if person is None:
        return NO_PERSON
    if person.state != PersonState.ACTIVE:
        return eligibility.NOT_ACTIVE[PersonState(person.state)]
    return None if person.has_role(Role.SELF_SERVICE_USER) else eligibility.NOT_SELF_SERVICE_USER


def user(request: HttpRequest) -> Person:
    """The person who is signed in. Raises PermissionDenied with the reason where Self-Service is closed."""
    person = cast("Person | None", getattr(request, "person", None))
    reason = obstacle(person)
    if reason is not None:
        raise PermissionDenied(reason.to_its_person)
    return cast("Person", person)


def own_request(request: HttpRequest, request_id: uuid.UUID) -> TokenRequest:
    """A request that is for the person who is signed in."""
    tokens = Prefetch("tokens", SoftwareToken.objects.select_related("token_type__terms", "taken_out_by"))
    rows = TokenRequest.objects.select_related("person", "requested_by").prefetch_related(tokens)
    return get_object_or_404(rows, pk=request_id, person=user(request))


def own_replacement(request: HttpRequest, request_id: uuid.UUID) -> TokenRequest:
    """A request for the person who is signed in that replaces tokens of theirs."""
    rows = TokenRequest.objects.filter(kind=RequestKind.REPLACEMENT).select_related("person")
    return get_object_or_404(rows, pk=request_id, person=user(request))


def own_terms_notice(request: HttpRequest, notice_id: uuid.UUID) -> TermsNotice:
    """A notice to accept terms again, for the person who is signed in."""
    rows = TermsNotice.objects.select_related("person", "document")
    return get_object_or_404(rows, pk=notice_id, person=user(request))


def own_recovery(request: HttpRequest, recovery_id: uuid.UUID) -> Recovery:
    """A recovery of the person's keys for somebody else, about which they were asked."""
    rows = Recovery.objects.exclude(consent=OwnerConsent.NOT_ASKED).select_related("owner", "request__person")
    return get_object_or_404(rows, pk=recovery_id, owner=user(request))


def own_token(request: HttpRequest, token_id: uuid.UUID) -> SoftwareToken:
    """A handed-out token of the person, in any later state."""
    rows = SoftwareToken.objects.visible_under_certificates()
    rows = rows.select_related("person", "request", "token_type")
    return get_object_or_404(rows, pk=token_id, person=user(request))


def own_certificate(request: HttpRequest, certificate_id: uuid.UUID) -> Certificate:
    """A certificate that was issued for a token of the person, or whose key they recovered."""
    tokens = SoftwareToken.objects.visible_under_certificates().filter(person=user(request))
    rows = Certificate.objects.select_related("token", "profile", "order").exclude(certificate=None)
    recovered = Container.objects.filter(token__in=tokens).values("certificate")
    theirs = Q(token__in=tokens) | Q(pk__in=recovered)
    return get_object_or_404(rows.filter(theirs), pk=certificate_id)
