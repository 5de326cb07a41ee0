"""What was approved, frozen and hashed; and the comparison before issuance.

Each line of a request (a software token) keeps a snapshot: who the person is, what each certificate will
say, under which versions of type, profiles and terms, and where it will be delivered.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import CertificateContent
from ca_bridge.x509 import profiles
from ca_bridge.x509.profiles import Profile
from identity_manager.models import Certificate, Person, SoftwareToken, TokenType
from identity_manager.models.requests.token_states import TO_BE_ISSUED

# A change of one of these stops a request: each decides what a certificate says or whose it is.
MATERIAL_FIELDS: dict[str, str | Promise] = {
    "given_name": _("given name"),
    "surname": _("surname"),
    "display_name": _("display name"),
    "email": _("e-mail"),
    "upn": _("user principal name"),
    "sid": _("security identifier"),
    "personnel_number": _("personnel number"),
    "department": _("department"),
    "organisational_unit": _("organisational unit"),
}

Snapshot = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A field that has changed since the request was made."""

    field: str
    label: str | Promise
    asked_for: str
    now: str


def person_fields(person: Person) -> dict[str, str]:
    """What certificate templates may take from the person."""
    return {name: getattr(person, name) for name in MATERIAL_FIELDS}


@dataclass(frozen=True)
class Frame:
    """What the snapshots of all lines of a type have in common: the versions of type, terms and profiles."""

    of_type: Snapshot
    profiles: tuple[Profile, ...]

    def filled(self, person: Person, *, purpose: str = "") -> Snapshot:
        """The snapshot of one line. Raises ca_bridge.x509.profiles.ProfileError where a field is lacking.

        purpose: what the requester says that it is for; without it the line has no such key.
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
    """The frame of the type's lines as of now."""
    terms = token_type.terms
    of_type = {
        "type": {"code": token_type.code, "version": token_type.number},
        "key_algorithm": token_type.key_algorithm,
        "validity_days": token_type.validity_days,
        "terms": {"document": terms.code, "version": terms.current_version().number},
    }
    return Frame(of_type, tuple(profile.as_profile() for profile in token_type.ordered_profiles()))


def take(person: Person, token_type: TokenType, *, purpose: str = "") -> Snapshot:
    """Return the snapshot of one line. Raises ProfileError where a field is lacking."""
    return frame(token_type).filled(person, purpose=purpose)


def digest(lines: Iterable[Snapshot]) -> str:
    """The SHA-256 over all lines of a request, independent of their order (hexadecimal)."""
    canonical = sorted(json.dumps(line, sort_keys=True, ensure_ascii=True) for line in lines)
    return hashlib.sha256("\n".join(canonical).encode("ascii")).hexdigest()


def content_of(certificate: Certificate) -> CertificateContent:
    """What this certificate is to say, as it was approved."""
    line = certificate.token.snapshot["certificates"][certificate.position]
    return CertificateContent.from_json(line["content"])


def differences(tokens: Iterable[SoftwareToken]) -> list[Difference]:
    """What has changed of the person since the request was made; empty where all is as it was.

    What was handed out, or has ended, is as it was approved: it is of no account any more.
    """
    found = {}
    for token in tokens:
        if token.state not in TO_BE_ISSUED:
            continue
        now = person_fields(token.person)
        for field, asked_for in token.snapshot["person"].items():
            if asked_for != now[field]:
                found[field] = Difference(field, MATERIAL_FIELDS[field], asked_for, now[field])
    return list(found.values())


def fingerprint(changes: Iterable[Difference]) -> str:
    """The SHA-256 over these changes: a form that shows them carries it."""
    lines = sorted([change.field, change.asked_for, change.now] for change in changes)
    return hashlib.sha256(json.dumps(lines, ensure_ascii=True).encode("ascii")).hexdigest()
