"""Row locks of issuance: the certificates of a token, claimed and settled together.

As in locking.py: SELECT ... FOR NO KEY UPDATE, in its lock order. A claim locks the certificates only, and
reads their parents; before a settlement the parents are locked too, and all versions compared.
"""

import uuid
from collections.abc import Iterable

from django.db import models
from django.db.models import Exists, OuterRef

from ca_bridge.database.prepared_queries import ForKeys, Statement
from identity_manager.models import AuditEvent, Certificate, Person, SoftwareToken, TokenRequest

_KEY = models.UUIDField()
GROUP = 8  # tokens that a worker takes at once, at most
_RESTORED = AuditEvent.objects.of_restores().order_by()
_VERSIONS_OF_PARENTS = (
    *("token__version", "token__state", "token__claim_id"),
    *("token__request__version", "token__request__state"),
    *("token__request__person__version", "token__request__person__state"),
)


def _to_be_claimed(rows: models.QuerySet[Certificate]) -> models.QuerySet[Certificate]:
    related = ("token__token_type", "token__request__person__audit_salt", "profile", "order")
    restored_since = Exists(_RESTORED.filter(pk__gt=OuterRef("pk")))
    return rows.annotate(restored_since=restored_since).select_related(*related).order_by("pk")


_TOKEN_OF_CERTIFICATE = Statement[Certificate](
    lambda pk: _to_be_claimed(Certificate.objects.filter(token__certificates=pk)).select_for_update(
        no_key=True, of=("self",)
    ),
    pk=_KEY,
)
_FREE_TOKENS = ForKeys[Certificate](
    lambda tokens: _to_be_claimed(Certificate.objects.filter(token__id__in=tokens)).select_for_update(
        no_key=True, skip_locked=True, of=("self",)
    ),
    _KEY,
    sizes=(GROUP,),
)
_VERSIONS = ForKeys[Certificate](
    lambda tokens: (
        Certificate.objects.filter(token__id__in=tokens)
        .select_related("token__request__person")
        .only("version", "state", "claim_id", *_VERSIONS_OF_PARENTS)
        .select_for_update(no_key=True, of=("token__request__person", "token__request", "token", "self"))
        .order_by("token__request__person", "token__request", "token", "pk")
    ),
    _KEY,
    sizes=(GROUP,),
)


def certificates_beside(pk: uuid.UUID) -> list[Certificate]:
    """All certificates of the token that this one is of, to be claimed. Their parents are read, not locked.

    restored_since: whether the database was put back since the certificate was first wanted. Identifiers
    begin with the time (UUIDv7), so an event of a greater one came later.
    """
    return with_shared_parents(_TOKEN_OF_CERTIFICATE.rows(pk=pk))


def free_certificates(tokens: Iterable[uuid.UUID]) -> list[Certificate]:
    """Lock the certificates of several tokens, with SKIP LOCKED, to be claimed as by certificates_beside."""
    return _FREE_TOKENS.rows(tokens)


def is_from_before_a_restore(row: Certificate) -> bool:
    """Whether the certificate, read by certificates_beside, is older than the last restore."""
    return bool(vars(row)["restored_since"])


def with_shared_parents(rows: list[Certificate]) -> list[Certificate]:
    """One object for each token, request and person, so that each is changed and saved once."""
    tokens: dict[uuid.UUID, SoftwareToken] = {}
    requests: dict[uuid.UUID, TokenRequest] = {}
    people: dict[uuid.UUID, Person] = {}
    for row in rows:
        row.token = tokens.setdefault(row.token_id, row.token)
        row.token.request = requests.setdefault(row.token.request_id, row.token.request)
        row.token.request.person = people.setdefault(row.token.request.person_id, row.token.request.person)
        row.token.person = row.token.request.person
    return rows


def unchanged(rows: Iterable[Certificate]) -> set[uuid.UUID]:
    """Lock all certificates of some tokens, with their parents; return the tokens that nobody has changed.

    Reads narrow rows: what the caller has read before is current exactly where the versions are the same. The
    lease columns are changed without a version, so the claims are compared too. Two who lock some of the same
    persons lock them in the same order.
    """
    known: dict[uuid.UUID, set[tuple[object, ...]]] = {}
    found: dict[uuid.UUID, set[tuple[object, ...]]] = {}
    for row in rows:
        known.setdefault(row.token_id, set()).add(_version_of(row))
    for row in _VERSIONS.rows(known):
        found.setdefault(row.token_id, set()).add(_version_of(row))
    return {token for token, versions in known.items() if found.get(token) == versions}


def _version_of(row: Certificate) -> tuple[object, ...]:
    token, request = row.token, row.token.request
    person = request.person
    own = (row.pk, row.version, row.claim_id, token.version, token.claim_id)
    return (*own, request.version, request.state, person.version, person.state)
