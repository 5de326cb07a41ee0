"""Loss of encryption keys: for each key, whether a copy is archived and who could recover it.

Shown before an act that ends access to encrypted data: revocation, leave, lock, end of a token, erasure. One
statement for a page; no envelope is read.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise, lazystr
from django.utils.translation import gettext as _

from identity_manager.models import (
    ArchivedKey,
    ArchivedKeyRecipient,
    Certificate,
    CertificatePurpose,
    RecoveryKeyKind,
    TokenState,
)
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.requests.token_states import TO_BE_ISSUED

DECRYPT = (CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED)
_ARCHIVED = Exists(
    ArchivedKey.objects.filter(
        Q(certificate=OuterRef("pk"))
        | Q(public_key_sha256=OuterRef("public_key_sha256"))
        | Q(public_key_sha256=OuterRef("imported__public_key_sha256"))
    )
)


class Afterwards(Enum):
    """The person's state after the act, which decides who can ask for a recovery."""

    HERE = "the person can sign in"
    AWAY = "the person cannot sign in"
    ERASED = "nothing is left, and nothing is archived"


@dataclass(frozen=True)
class Loss:
    """An encryption key that would be lost. by_owner, by_officers: who can open its archived copy.

    own: the reader is the person concerned.
    """

    token_id: uuid.UUID
    key: object
    is_archived: bool
    by_owner: bool
    by_officers: bool
    afterwards: Afterwards
    own: bool

    def __str__(self) -> str:
        """One sentence or two, in the reader's language."""
        return f"{self.key}: {self._archived() if self.is_archived else self._not_archived()}"

    def _not_archived(self) -> str:
        if self.own:
            return _(
                "no copy of its key is archived. Without your file and its passphrase nobody can read what"
                " was encrypted for you."
            )
        return _(
            "no copy of its key is archived. Without the person's file and passphrase nobody can read what"
            " was encrypted for it."
        )

    def _archived(self) -> str:
        if self.afterwards == Afterwards.ERASED:
            return _("the archived copy of its key is erased, too. Nobody can recover it afterwards.")
        owner = self.by_owner and self.afterwards == Afterwards.HERE
        if owner and self.own:
            return _("a copy of its key is archived. You can recover it yourself.")
        if owner and self.by_officers:
            return _("a copy of its key is archived. Its owner can recover it, and Recovery Officers.")
        if owner:
            return _("a copy of its key is archived. Its owner can recover it, and nobody else.")
        if self.by_officers:
            return _("a copy of its key is archived. Only Recovery Officers can recover it.")
        if self.by_owner:
            return _(
                "a copy of its key is archived, but nobody can recover it while its owner cannot sign in."
            )
        return _("a copy of its key is archived, but no recovery key is left that opens it.")


def of_tokens(
    tokens: Iterable[uuid.UUID], *, afterwards: Afterwards = Afterwards.HERE, own: bool = False
) -> list[Loss]:
    """Return the encryption keys of certificates of these tokens that have not ended."""
    rows = Certificate.objects.filter(token__in=list(tokens), state__in=NOT_ENDED)
    return _of(rows, afterwards=afterwards, own=own)


def by_token(tokens: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Loss]]:
    """Return them by token, in words for the persons concerned."""
    found: dict[uuid.UUID, list[Loss]] = {}
    for each in of_tokens(tokens, own=True):
        found.setdefault(each.token_id, []).append(each)
    return found


def of_person(person_id: uuid.UUID, *, afterwards: Afterwards) -> list[Loss]:
    """Return the person's encryption keys: of certificates that have not ended, before an erasure of all."""
    rows = Certificate.objects.filter(token__person=person_id)
    if afterwards != Afterwards.ERASED:
        rows = rows.filter(state__in=NOT_ENDED)
    return _of(rows, afterwards=afterwards, own=False)


def sentences(losses: Iterable[Loss]) -> list[Promise]:
    """Return lazy sentences for a mail, each translated when it is rendered."""
    return [lazystr(each) for each in losses]


def not_archived(persons: Iterable[uuid.UUID]) -> int:
    """Count the encryption keys of these persons that have no archived copy and have not ended."""
    rows = Certificate.objects.filter(token__person__in=list(persons), state__in=NOT_ENDED)
    return _encrypting(rows).filter(~_ARCHIVED).count()


def _encrypting(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """Restrict to issued encryption certificates whose files were given to somebody."""
    issued = rows.filter(certificate__isnull=False, profile__purpose__in=DECRYPT)
    return issued.exclude(token__state__in=(*TO_BE_ISSUED, TokenState.CANCELLED))


def _of(rows: QuerySet[Certificate], *, afterwards: Afterwards, own: bool) -> list[Loss]:
    recipients = ArchivedKeyRecipient.objects.filter(
        Q(key__certificate=OuterRef("pk"))
        | Q(key__public_key_sha256=OuterRef("public_key_sha256"))
        | Q(key__public_key_sha256=OuterRef("imported__public_key_sha256")),
        certificate__wrappings__erased_at=None,
    )
    found = _encrypting(rows).annotate(
        is_archived=_ARCHIVED,
        by_owner=Exists(recipients.filter(certificate__kind=RecoveryKeyKind.ONLINE)),
        by_officers=Exists(recipients.exclude(certificate__kind=RecoveryKeyKind.ONLINE)),
    )
    narrow = found.order_by("-not_after", "pk").values_list(
        "token_id", "profile__name", "is_archived", "by_owner", "by_officers"
    )
    return [Loss(*values, afterwards=afterwards, own=own) for values in narrow]
