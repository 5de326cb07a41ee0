"""Demo catalogue: certificate profiles, token types and terms, created by the verbs that officers use."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import KeyAlgorithm
from identity_manager.catalogue.presets import PERSON, PRESETS
from identity_manager.catalogue.profiles import activate_profile, add_profile_version
from identity_manager.catalogue.terms import add_document, publish_terms
from identity_manager.catalogue.terms_content import Text
from identity_manager.catalogue.types import activate_type, add_type_version
from identity_manager.models import (
    ApprovalPolicy,
    CertificateProfile,
    NamedArchiving,
    Person,
    PersonKind,
    RecoveryCertificate,
    TermsDocument,
    TokenType,
)
from identity_manager.models.text_in_languages import best_of, translated

CA = "corporate"
ORGANISATION = "Example Corporation"
TERMS = "software-tokens"
TERMS_DIRECTORY = Path(__file__).parent / "terms"

SUBJECT = [["organizationName", ORGANISATION], *PERSON]
EMPLOYEES = [PersonKind.EMPLOYEE.value]
EVERYBODY = [PersonKind.EMPLOYEE.value, PersonKind.EXTERNAL.value]
# Code of a token type -> codes of its profiles in their order, and field values of the type.
TYPES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "authentication": (
        ("authentication",),
        {
            "name": _("Authentication"),
            "description": _("Signs you in to Windows and to internal websites."),
            "kinds": EMPLOYEES,
        },
    ),
    "signature": (
        ("signature",),
        {
            "name": _("Signature"),
            "description": _("Signs documents and e-mails in your name."),
            "approval": ApprovalPolicy.ALWAYS,
            "kinds": EMPLOYEES,
        },
    ),
    "encryption": (
        ("encryption",),
        {
            "name": _("Encryption"),
            "description": _("Lets others send you e-mails and files that only you can read."),
            "archive_key": True,
            "kinds": EVERYBODY,
        },
    ),
    "smime": (
        ("signature", "encryption"),
        {
            "name": _("S/MIME combined"),
            "description": _("Signs and encrypts your e-mail, with one certificate for each."),
            "archive_key": True,
            "kinds": EMPLOYEES,
        },
    ),
    "vpn": (
        ("vpn",),
        {
            "name": _("VPN"),
            "description": _("Connects your device to the company network from anywhere."),
            "key_algorithm": KeyAlgorithm.EC_P256.value,
            "validity_days": 365,
            "kinds": EVERYBODY,
        },
    ),
}


def lacking() -> list[str]:
    """Codes of the demo's token types that the database does not have."""
    known = set(TokenType.objects.values_list("code", flat=True))
    return [code for code in TYPES if code not in known]


def load(*, actor: Person) -> int:
    """Create missing token types with their profiles and terms; return the number of types.

    actor: a System Administrator. Types archive keys if a recovery certificate is in force and the terms name
    archiving.
    """
    codes = lacking()
    for code in codes:
        names, fields = TYPES[code]
        texts = {name: translated(fields[name]) for name in ("name", "description")}
        values = {"terms": _terms(actor), "position": list(TYPES).index(code), **fields, **texts}
        values["archive_key"] = fields.get("archive_key", False) and _can_archive(values["terms"])
        pinned = [_profile(actor, name) for name in names]
        draft = add_type_version(actor=actor, code=code, values=values, profiles=pinned)
        activate_type(actor=actor, type_id=draft.pk, four_eyes=False)
    return len(codes)


def _can_archive(terms: TermsDocument) -> bool:
    says_it = terms.current_version().names_archiving == NamedArchiving.ENCRYPTION
    return says_it and RecoveryCertificate.objects.in_force(timezone.now()).exists()


def _terms(actor: Person) -> TermsDocument:
    found = TermsDocument.objects.filter(code=TERMS).first()
    if found is not None:
        return found
    document = add_document(
        actor=actor,
        code=TERMS,
        name=translated(_("Terms and Conditions of software tokens")),
    )
    texts = {code: _text(code) for code, _name in settings.LANGUAGES}
    publish_terms(actor=actor, document=document, texts=texts, names_archiving=NamedArchiving.ENCRYPTION)
    return document


def _profile(actor: Person, code: str) -> CertificateProfile:
    found: CertificateProfile | None = CertificateProfile.objects.active().filter(code=code).first()
    if found is not None:
        return found
    values = {"ca": CA, "ca_profile": code, **PRESETS[code].values, "subject": SUBJECT}
    draft = add_profile_version(actor=actor, code=code, values=values)
    return activate_profile(actor=actor, profile_id=draft.pk, four_eyes=False)


def _text(language: str) -> Text:
    """Terms in this language, else in the installation's. The first line of the file is the title (`# `)."""
    there = {path.stem: path for path in sorted(TERMS_DIRECTORY.glob("*.txt"))}
    found = there[best_of(there, language) or ""].read_text("utf-8")
    title, _separator, body = found.partition("\n")
    return Text(title.removeprefix("# ").strip(), body.strip())
