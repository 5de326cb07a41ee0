"""Contents of a token's certificates, shown to approvers: every value of the snapshot, with its label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from ca_bridge.contract import CertificateContent
from identity_manager.models import Certificate, Person, SoftwareToken, TokenRequest
from identity_manager.models.catalogue.certificate_profile import EXTENDED_KEY_USAGES, KEY_USAGE_WORDS
from identity_manager.models.words import Words
from identity_manager.queries import console_pages
from identity_manager.ui import certificate_labels
from identity_manager.ui.parts import Pair
from identity_manager.workflow.renewal import policy
from identity_manager.workflow.snapshot import Difference


@dataclass(frozen=True)
class CertificateLine:
    """One certificate of a token: ordered content, and the issued row if any.

    purposes: key usages. names: subject attributes, alternative names and SID one by one, so that a value
    cannot look like two.
    """

    name: str
    purposes: Sequence[Words]
    names: Sequence[Pair]
    ca: str
    row: Certificate | None


@dataclass(frozen=True)
class SignedLine:
    """A token covered by an approval. changes: of a renewal, what differs from the last issue."""

    token: SoftwareToken
    certificates: Sequence[CertificateLine]
    changes: Sequence[Difference]


@dataclass(frozen=True)
class SignedRequest:
    """A request covered by an approval: what it is for, its person and tokens."""

    purpose: str
    person: Person
    lines: Sequence[SignedLine]


def of_requests(rows: Sequence[TokenRequest]) -> list[SignedRequest]:
    """Contents of these requests; reads their tokens anew."""
    prefetch_related_objects(rows, Prefetch("tokens", console_pages.lines_to_sign()))
    renewals = [token for row in rows for token in row.lines if token.predecessor_id is not None]
    prefetch_related_objects(renewals, "predecessor")
    return [SignedRequest(row.purpose, row.person, [_signed(token) for token in row.lines]) for row in rows]


def _signed(token: SoftwareToken) -> SignedLine:
    return SignedLine(token, of_token(token), policy.changes(token))


def of_token(token: SoftwareToken) -> list[CertificateLine]:
    """The token's certificates in order, as ordered."""
    issued = {certificate.position: certificate for certificate in token.certificates.all()}
    links = token.token_type.token_type_profiles.all() if token.token_type else ()
    profiles = [link.profile for link in links]
    profiles += [certificate.profile for certificate in issued.values()]
    called = {profile.code: str(profile.name) for profile in profiles}
    return [
        _line(asked, name=called.get(asked["profile"], asked["profile"]), row=issued.get(position))
        for position, asked in enumerate(token.snapshot["certificates"])
    ]


def _line(asked: dict[str, Any], *, name: str, row: Certificate | None) -> CertificateLine:
    content = CertificateContent.from_json(asked["content"])
    return CertificateLine(name, _purposes(content), list(_names(content)), asked["ca"], row)


def _purposes(content: CertificateContent) -> list[Words]:
    """Extended key usages; without any, the key usages."""
    if content.extended_key_usage:
        return [EXTENDED_KEY_USAGES.in_words(each) for each in content.extended_key_usage]
    return [KEY_USAGE_WORDS.in_words(each) for each in content.key_usage]


def _names(content: CertificateContent) -> Iterable[Pair]:
    for attribute, value in content.subject:
        yield Pair(certificate_labels.label_of(attribute), value, mono=True)
    for kind, value in content.subject_alt_names:
        yield Pair(certificate_labels.label_of(kind), value, mono=True)
    if content.sid is not None:
        yield Pair(certificate_labels.SID, content.sid, mono=True)
