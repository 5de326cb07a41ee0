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

_USAGE_WORDS: dict[str, Words] = dict(EXTENDED_KEY_USAGES)


@dataclass(frozen=True)
class CertificateLine:
    """One certificate of a token: what was asked for, and the row once there is one.

    purposes: what it may be used for.  names: each attribute of the subject, each alternative name and the
    security identifier, one by one, so that no value can pretend to be two.
    """

    name: str
    purposes: Sequence[Words]
    names: Sequence[Pair]
    ca: str
    row: Certificate | None


@dataclass(frozen=True)
class SignedLine:
    """A token that an approver signs for."""

    token: SoftwareToken
    certificates: Sequence[CertificateLine]


@dataclass(frozen=True)
class SignedRequest:
    """Whom the tokens are for, and all that an approval of them signs."""

    person: Person
    lines: Sequence[SignedLine]


def of_requests(rows: Sequence[TokenRequest]) -> list[SignedRequest]:
    """What an approval of each of these signs; their tokens are read anew."""
    prefetch_related_objects(rows, Prefetch("tokens", console_pages.lines_to_sign()))
    return [
        SignedRequest(row.person, [SignedLine(token, of_token(token)) for token in row.lines]) for row in rows
    ]


def of_token(token: SoftwareToken) -> list[CertificateLine]:
    """The certificates in their order, as they were asked for."""
    issued = {certificate.position: certificate for certificate in token.certificates.all()}
    profiles = [link.profile for link in token.token_type.token_type_profiles.all()]
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
    """Of the extended key usages; a certificate without any is used as its key may be."""
    if content.extended_key_usage:
        return [_USAGE_WORDS.get(each, each) for each in content.extended_key_usage]
    return [KEY_USAGE_WORDS.get(each, each) for each in content.key_usage]


def _names(content: CertificateContent) -> Iterable[Pair]:
    for attribute, value in content.subject:
        yield Pair(certificate_labels.label_of(attribute), value, mono=True)
    for kind, value in content.subject_alt_names:
        yield Pair(certificate_labels.label_of(kind), value, mono=True)
    if content.sid is not None:
        yield Pair(certificate_labels.SID, content.sid, mono=True)
