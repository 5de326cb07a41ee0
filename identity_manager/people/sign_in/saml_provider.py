"""SAML 2.0 identity provider, as configured in SAML_PROVIDERS."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from identity_manager.people.sign_in.identity_provider import (
    FIELDS,
    IdentityProvider,
    ProviderSettings,
    origin,
)

# An address that somebody else gets one day would let them in: no identity here is an e-mail.
SAML_FIELDS = tuple(field for field in FIELDS if field != "email")
NAME_ID, SUBJECT_ID = "name-id", "subject-id"
MOST_CERTIFICATES = 4
KEYS = frozenset(
    {
        "name",
        "entity_id",
        "sso_url",
        "certificates",
        "subject",
        "claim",
        "field",
        "groups_claim",
        "roles",
        "second_factor",
        "authn_contexts",
    }
)
NEEDED = ("name", "entity_id", "sso_url", "certificates", "claim", "field")


@dataclass(frozen=True)
class SamlProvider(IdentityProvider):
    """certificates: base64 of DER, two during a roll-over; subject: what identifies the person there.

    authn_contexts: asked for, and accepted as proof of a second factor, where that is left to the provider.
    """

    way = "saml"
    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    subject: str
    authn_contexts: tuple[str, ...]


def parse(
    provider_id: str, given: Any, *, read: Callable[[str], bytes], roles: frozenset[str]
) -> SamlProvider:
    """Parse one entry of SAML_PROVIDERS; read returns the content of a file. Raises ImproperlyConfigured."""
    entry = ProviderSettings("SAML_PROVIDERS", provider_id, given)
    _check(entry)
    return SamlProvider(
        id=provider_id,
        name=given["name"],
        entity_id=given["entity_id"],
        sso_url=entry.https("sso_url"),
        certificates=_certificates(entry, read(given["certificates"])),
        subject=given.get("subject", NAME_ID),
        claim=given["claim"],
        field=given["field"],
        groups_claim=given.get("groups_claim", ""),
        roles=entry.roles(roles),
        asks_second_factor=given.get("second_factor") == "provider",
        authn_contexts=entry.words("authn_contexts"),
        authorization_origin=origin(given["sso_url"]),
    )


def _check(entry: ProviderSettings) -> None:
    entry.check_keys(KEYS, needed=NEEDED, fields=SAML_FIELDS)
    given = entry.given
    if given.get("subject", NAME_ID) not in (NAME_ID, SUBJECT_ID):
        raise entry.wrong(f"has subject either {NAME_ID} or {SUBJECT_ID}")
    if (given.get("second_factor") == "provider") != bool(given.get("authn_contexts")):
        raise entry.wrong("needs authn_contexts where second_factor is provider, and only there")


def _certificates(entry: ProviderSettings, content: bytes) -> tuple[str, ...]:
    try:
        found = x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise entry.wrong("names in certificates a file without certificates in PEM") from error
    if len(found) > MOST_CERTIFICATES:
        raise entry.wrong(f"names in certificates a file with more than {MOST_CERTIFICATES} certificates")
    return tuple(base64.b64encode(each.public_bytes(Encoding.DER)).decode("ascii") for each in found)
