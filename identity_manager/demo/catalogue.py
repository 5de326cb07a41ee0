"""The catalogue of the demo: profiles, token types and terms, entered by the verbs that officers use."""

from pathlib import Path
from typing import Any

from django.conf import settings

from ca_bridge.contract import KeyAlgorithm
from identity_manager.catalogue.presets import PERSON, PRESETS
from identity_manager.catalogue.profiles import activate_profile, add_profile_version
from identity_manager.catalogue.terms import Text, add_document, publish_terms
from identity_manager.catalogue.types import activate_type, add_type_version
from identity_manager.models import (
    ApprovalPolicy,
    CertificateProfile,
    Person,
    PersonKind,
    TermsDocument,
    TokenType,
)

CA = "corporate"
ORGANISATION = "Example Corporation"
TERMS = "software-tokens"
TERMS_DIRECTORY = Path(__file__).parent / "terms"

SUBJECT = [["organizationName", ORGANISATION], *PERSON]
PROFILES: dict[str, dict[str, Any]] = {
    code: {**PRESETS[code].values, "subject": SUBJECT}
    for code in ("authentication", "signature", "encryption", "vpn")
}
EMPLOYEES = [PersonKind.EMPLOYEE.value]
EVERYBODY = [PersonKind.EMPLOYEE.value, PersonKind.EXTERNAL.value]
# Code -> profiles in their order, and the fields of the type.
TYPES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "authentication": (
        ("authentication",),
        {
            "name": "Authentication",
            "name_de": "Anmeldung",
            "description": "Signs you in to Windows and to internal websites.",
            "description_de": "Meldet Sie an Windows und an internen Websites an.",
            "kinds": EMPLOYEES,
        },
    ),
    "signature": (
        ("signature",),
        {
            "name": "Signature",
            "name_de": "Signatur",
            "description": "Signs documents and e-mails in your name.",
            "description_de": "Signiert Dokumente und E-Mails in Ihrem Namen.",
            "approval": ApprovalPolicy.ALWAYS,
            "kinds": EMPLOYEES,
        },
    ),
    "encryption": (
        ("encryption",),
        {
            "name": "Encryption",
            "name_de": "Verschlüsselung",
            "description": "Lets others send you e-mails and files that only you can read.",
            "description_de": "Damit andere Ihnen E-Mails und Dateien senden können, die nur Sie lesen.",
            "kinds": EVERYBODY,
        },
    ),
    "smime": (
        ("signature", "encryption"),
        {
            "name": "S/MIME combined",
            "name_de": "S/MIME kombiniert",
            "description": "Signs and encrypts your e-mail, with one certificate for each.",
            "description_de": "Signiert und verschlüsselt Ihre E-Mails, mit je einem Zertifikat.",
            "kinds": EMPLOYEES,
        },
    ),
    "vpn": (
        ("vpn",),
        {
            "name": "VPN",
            "name_de": "VPN",
            "description": "Connects your device to the company network from anywhere.",
            "description_de": "Verbindet Ihr Gerät von überall mit dem Firmennetz.",
            "key_algorithm": KeyAlgorithm.EC_P256.value,
            "validity_days": 365,
            "kinds": EVERYBODY,
        },
    ),
}


def lacking() -> list[str]:
    """The codes of the token types that are not there, in any state."""
    known = set(TokenType.objects.values_list("code", flat=True))
    return [code for code in TYPES if code not in known]


def load(*, actor: Person) -> int:
    """Enter the types that are lacking, and what they need; return how many.

    actor is a System Administrator.
    """
    codes = lacking()
    for code in codes:
        names, fields = TYPES[code]
        values = {"terms": _terms(actor), "position": list(TYPES).index(code), **fields}
        pinned = [_profile(actor, name) for name in names]
        draft = add_type_version(actor=actor, code=code, values=values, profiles=pinned)
        activate_type(actor=actor, type_id=draft.pk, four_eyes=False)
    return len(codes)


def _terms(actor: Person) -> TermsDocument:
    found = TermsDocument.objects.filter(code=TERMS).first()
    if found is not None:
        return found
    document = add_document(
        actor=actor,
        code=TERMS,
        name="Terms and Conditions of software tokens",
        name_de="Nutzungsbedingungen für Softwaretoken",
    )
    texts = {code: _text(code) for code, _name in settings.LANGUAGES}
    publish_terms(actor=actor, document=document, texts=texts)
    return document


def _profile(actor: Person, code: str) -> CertificateProfile:
    found: CertificateProfile | None = CertificateProfile.objects.active().filter(code=code).first()
    if found is not None:
        return found
    values = {"ca": CA, "ca_profile": code, **PROFILES[code]}
    draft = add_profile_version(actor=actor, code=code, values=values)
    return activate_profile(actor=actor, profile_id=draft.pk, four_eyes=False)


def _text(language: str) -> Text:
    """The first line of the file is the title, after `# `."""
    title, _separator, body = (TERMS_DIRECTORY / f"{language}.txt").read_text("utf-8").partition("\n")
    return Text(title.removeprefix("# ").strip(), body.strip())
