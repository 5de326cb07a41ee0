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

from ca_bridge import profiles
from ca_bridge.contract import CertificateContent
from identity_manager.models import Certificate, Person, SoftwareToken, TokenType

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


def take(person: Person, token_type: TokenType) -> Snapshot:
    """Return the snapshot of one line. Raises ca_bridge.profiles.ProfileError where a field is lacking."""
    fields = person_fields(person)
    return {
        "person": fields,
        "type": {"code": token_type.code, "version": token_type.number},
        "key_algorithm": token_type.key_algorithm,
        "validity_days": token_type.validity_days,
        "terms": {"document": token_type.terms.code, "version": token_type.terms.current_version().number},
        "delivery_address": person.email,
        "certificates": [
            {
                "profile": profile.code,
                "version": profile.number,
                "ca": profile.ca,
                "ca_profile": profile.ca_profile,
                "content": asdict(profiles.render(profile.as_profile(), fields)),
            }
            for profile in token_type.ordered_profiles()
        ],
    }


def digest(lines: Iterable[Snapshot]) -> str:
    """The SHA-256 over all lines of a request, independent of their order (hexadecimal)."""
    canonical = sorted(json.dumps(line, sort_keys=True, ensure_ascii=True) for line in lines)
    return hashlib.sha256("\n".join(canonical).encode("ascii")).hexdigest()


def content_of(certificate: Certificate) -> CertificateContent:
    """What this certificate is to say, as it was approved."""
    line = certificate.token.snapshot["certificates"][certificate.position]
    return CertificateContent.from_json(line["content"])


def differences(tokens: Iterable[SoftwareToken]) -> list[Difference]:
    """What has changed of the person since the request was made; empty where all is as it was."""
    found = {}
    for token in tokens:
        now = person_fields(token.person)
        for field, asked_for in token.snapshot["person"].items():
            if asked_for != now[field]:
                found[field] = Difference(field, MATERIAL_FIELDS[field], asked_for, now[field])
    return list(found.values())
