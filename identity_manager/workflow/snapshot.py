"""Snapshots of requests: the approved content, frozen and hashed, and its comparison before issuance.

Each line of a request (a software token) keeps a snapshot: who the person is, what each certificate will
say, under which versions of type, profiles and terms, and where it will be delivered.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.functional import Promise

from ca_bridge.contract import CertificateContent
from ca_bridge.x509 import profiles
from ca_bridge.x509.profiles import Profile
from identity_manager.models import Certificate, Person, SoftwareToken, TokenType
from identity_manager.models.people.person import MATERIAL_FIELDS, field_name
from identity_manager.models.requests.token_states import TO_BE_ISSUED

Snapshot = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A field of the person that differs from the request's snapshot."""

    field: str
    label: str | Promise
    asked_for: str
    now: str


def person_fields(person: Person) -> dict[str, str]:
    """The person's fields that templates of certificate profiles may use."""
    return {name: getattr(person, name) for name in MATERIAL_FIELDS}


@dataclass(frozen=True)
class Frame:
    """The part of a snapshot that all lines of a token type share: versions of type, terms and profiles."""

    of_type: Snapshot
    profiles: tuple[Profile, ...]

    def filled(self, person: Person, *, purpose: str = "") -> Snapshot:
        """Return the snapshot of one person's line. Raises x509.profiles.ProfileError for a missing field.

        purpose: stated by the requester; if empty, the snapshot has no such key.
        """
        fields = person_fields(person)
        certificates = [
            {
                "profile": profile.code,
                "version": profile.version,
                "ca": profile.ca,
                "ca_profile": profile.ca_profile,
                "content": asdict(profiles.render(profile, fields)),
            }
            for profile in self.profiles
        ]
        of_person = {"person": fields, "delivery_address": person.email, "certificates": certificates}
        return self.of_type | of_person | ({"purpose": purpose} if purpose else {})


def frame(token_type: TokenType) -> Frame:
    """Return the shared part of snapshots for the versions in force."""
    terms = token_type.terms
    of_type = {
        "type": {"code": token_type.code, "version": token_type.number},
        "key_algorithm": token_type.key_algorithm,
        "validity_days": token_type.validity_days,
        "terms": {"document": terms.code, "version": terms.current_version().number},
    }
    return Frame(of_type, tuple(profile.as_profile() for profile in token_type.ordered_profiles()))


def snapshot_of(person: Person, token_type: TokenType, *, purpose: str = "") -> Snapshot:
    """Return the snapshot of one line. Raises ProfileError for a missing field."""
    return frame(token_type).filled(person, purpose=purpose)


def digest(lines: Iterable[Snapshot]) -> str:
    """The SHA-256 over all lines of a request, independent of their order (hexadecimal)."""
    canonical = sorted(json.dumps(line, sort_keys=True, ensure_ascii=True) for line in lines)
    return hashlib.sha256("\n".join(canonical).encode("ascii")).hexdigest()


def content_of(certificate: Certificate) -> CertificateContent:
    """Return the approved content of this certificate (subject, SANs, key usage)."""
    line = certificate.token.snapshot["certificates"][certificate.position]
    return CertificateContent.from_json(line["content"])


def differences(tokens: Iterable[SoftwareToken]) -> list[Difference]:
    """Return the fields of the person that differ from the snapshots of these tokens.

    Only tokens that are still to be issued are compared.
    """
    found = {}
    for token in tokens:
        if token.state not in TO_BE_ISSUED:
            continue
        now = person_fields(token.person)
        for field, asked_for in token.snapshot["person"].items():
            if asked_for != now[field]:
                found[field] = Difference(field, field_name(field), asked_for, now[field])
    return list(found.values())


def fingerprint(changes: Iterable[Difference]) -> str:
    """Return the SHA-256 over these changes (hexadecimal), which a form carries to detect a stale page."""
    lines = sorted([change.field, change.asked_for, change.now] for change in changes)
    return hashlib.sha256(json.dumps(lines, ensure_ascii=True).encode("ascii")).hexdigest()
