"""Fetches rows locked and fresh, in the one lock order: person, request, token, certificate, mail.

The only place with select_for_update. SQLite has no row locks: there, the immediate transaction that every
verb opens keeps the others out. The parents hang on the row that is returned, locked and fresh too.
"""

import uuid

from identity_manager.models import Certificate, OutgoingMail, Person, SignInCode, SoftwareToken, TokenRequest


def person(pk: uuid.UUID) -> Person:
    """Raises Person.DoesNotExist."""
    return Person.objects.select_for_update().get(pk=pk)


def request(pk: uuid.UUID) -> TokenRequest:
    """The request, with its person. Raises TokenRequest.DoesNotExist."""
    owner = person(TokenRequest.objects.values_list("person_id", flat=True).get(pk=pk))
    row = TokenRequest.objects.select_for_update().get(pk=pk)
    row.person = owner
    return row


def token(pk: uuid.UUID) -> SoftwareToken:
    """The token, with its request and person. Raises SoftwareToken.DoesNotExist."""
    parent = request(SoftwareToken.objects.values_list("request_id", flat=True).get(pk=pk))
    return _with_parent(SoftwareToken.objects.select_for_update().get(pk=pk), parent)


def tokens_of(parent: TokenRequest) -> list[SoftwareToken]:
    """All tokens of a request that the caller has locked."""
    rows = SoftwareToken.objects.select_for_update().filter(request=parent).order_by("pk")
    return [_with_parent(row, parent) for row in rows]


def certificate(pk: uuid.UUID) -> Certificate:
    """The certificate, with its token, request and person. Raises Certificate.DoesNotExist."""
    parent = token(Certificate.objects.values_list("token_id", flat=True).get(pk=pk))
    row = Certificate.objects.select_for_update().get(pk=pk)
    row.token = parent
    return row


def certificates_of(parent: SoftwareToken) -> list[Certificate]:
    """All certificates of a token that the caller has locked."""
    rows = list(Certificate.objects.select_for_update().filter(token=parent).order_by("pk"))
    for row in rows:
        row.token = parent
    return rows


def mail(pk: uuid.UUID) -> OutgoingMail:
    """The mail; where it is about a token or a request, those are locked before it."""
    token_id, request_id = OutgoingMail.objects.values_list("token_id", "request_id").get(pk=pk)
    parent_token = token(token_id) if token_id else None
    parent_request = request(request_id) if request_id and not parent_token else None
    row = OutgoingMail.objects.select_for_update().get(pk=pk)
    if parent_token is not None:
        row.token = parent_token
    if parent_request is not None:
        row.request = parent_request
    return row


def mails_of(parent: TokenRequest) -> list[OutgoingMail]:
    """All mails about a request that the caller has locked."""
    return list(OutgoingMail.objects.select_for_update().filter(request=parent).order_by("pk"))


def sign_in_code(pk: uuid.UUID) -> SignInCode:
    """The code, with its person locked before it. Raises SignInCode.DoesNotExist."""
    owner = person(SignInCode.objects.values_list("person_id", flat=True).get(pk=pk))
    row = SignInCode.objects.select_for_update().get(pk=pk)
    row.person = owner
    return row


def _with_parent(row: SoftwareToken, parent: TokenRequest) -> SoftwareToken:
    row.request = parent
    row.person = parent.person
    return row
