"""Who may see what in Self-Service: named fetches, each for the owner alone. Others' objects are 404."""

import uuid
from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Certificate, Person, PersonState, Role, SoftwareToken, TokenRequest
from identity_manager.workflow.errors import Reason

NO_PERSON = Reason("no-person", _("Your account belongs to no person. Ask your Registration Officer."))
CLOSED = {
    PersonState.REGISTERED: Reason(
        "person-registered", _("You are registered but not Active yet. Ask your Registration Officer.")
    ),
    PersonState.INACTIVE: Reason(
        "person-inactive", _("You are Inactive at present, so your software tokens are out of reach.")
    ),
    PersonState.LOCKED: Reason("person-locked", _("You are Locked. Nobody can use Self-Service for you.")),
}
NO_ROLE = Reason(
    "not-self-service-user",
    _("You do not have the role Self-Service User. It comes with your first software token."),
)


def obstacle(person: Person | None) -> Reason | None:
    """Why Self-Service is closed for this person, or None."""
    if person is None:
        return NO_PERSON
    if person.state != PersonState.ACTIVE:
        return CLOSED[PersonState(person.state)]
    return None if person.has_role(Role.SELF_SERVICE_USER) else NO_ROLE


def user(request: HttpRequest) -> Person:
    """The person who is signed in. Raises PermissionDenied with the reason where Self-Service is closed."""
    person = cast("Person | None", getattr(request, "person", None))
    reason = obstacle(person)
    if person is None or reason is not None:
        raise PermissionDenied(str(reason))
    return person


def own_request(request: HttpRequest, request_id: uuid.UUID) -> TokenRequest:
    """A request that is for the person who is signed in."""
    rows = TokenRequest.objects.select_related("person", "requested_by")
    return get_object_or_404(rows, pk=request_id, person=user(request))


def own_token(request: HttpRequest, token_id: uuid.UUID) -> SoftwareToken:
    """A token of the person that was handed out, whatever became of it since."""
    rows = SoftwareToken.objects.visible_under_certificates()
    rows = rows.select_related("person", "request", "token_type")
    return get_object_or_404(rows, pk=token_id, person=user(request))


def own_certificate(request: HttpRequest, certificate_id: uuid.UUID) -> Certificate:
    """A certificate that was issued for a token of the person."""
    tokens = SoftwareToken.objects.visible_under_certificates().filter(person=user(request))
    rows = Certificate.objects.select_related("token", "profile", "order").exclude(certificate=None)
    return get_object_or_404(rows, pk=certificate_id, token__in=tokens)
