"""Rows of an import for one person: a completed request, its tokens and their certificates.

The newest living certificates, one for each profile, become the person's Active token of the type, which is
then watched and renewed. Older ones, or all if the person has a token of the type already, become tokens that
are replaced or expired, each of its own, because a token has one certificate for each profile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.x509 import certificates
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    ImportedCertificate,
    Person,
    RequestKind,
    RequestOrigin,
    RequestState,
    SoftwareToken,
    TokenImport,
    TokenImportRow,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.workflow import snapshot
from identity_manager.workflow.token_imports import matching


@dataclass(frozen=True)
class Created:
    """Result: certificates by fingerprint of their row, audit events, and the Active tokens."""

    certificates: dict[str, Certificate]
    events: list[AuditEvent]
    active: Sequence[SoftwareToken] = ()


def create(row: TokenImport, person: Person, rows: Sequence[TokenImportRow], *, now: datetime) -> Created:
    """Insert request, tokens and certificates of one locked person's rows, in the caller's transaction."""
    if not rows:
        return Created({}, [])
    request = _request(row, person, now)
    of_types: dict[str, list[TokenImportRow]] = {}
    for each in rows:
        of_types.setdefault(_type_of(each).code, []).append(each)
    tokens = [
        _token(request, group, state=state, now=now)
        for code, mine in of_types.items()
        for state, group in _groups(person, code, mine, now)
    ]
    request.snapshot_hash = snapshot.digest(token.snapshot for token, _group in tokens)
    request.save()
    SoftwareToken.objects.bulk_create(token for token, _group in tokens)
    made = [
        (each, _certificate(token, each, position, now))
        for token, group in tokens
        for position, each in enumerate(group)
    ]
    Certificate.objects.bulk_create(certificate for _each, certificate in made)
    ImportedCertificate.objects.bulk_create(_mark(row, each, certificate) for each, certificate in made)
    events = [
        audit.event_about(
            audit.Event.TOKEN_IMPORTED,
            actor=row.asked_by,
            subject=token,
            serials=[each.serial for each in group],
            found_by=[each.matched_by for each in group],
        )
        for token, group in tokens
    ]
    active = [token for token, _group in tokens if token.state == TokenState.ACTIVE]
    return Created({each.fingerprint_sha256: certificate for each, certificate in made}, events, active)


def _groups(
    person: Person, code: str, rows: Sequence[TokenImportRow], now: datetime
) -> list[tuple[TokenState, list[TokenImportRow]]]:
    """The certificates of each token of one type, with the token's state."""
    newest = sorted(rows, key=_end_of, reverse=True)
    present: dict[object, TokenImportRow] = {}
    if not SoftwareToken.objects.in_use().filter(person=person, type_code=code).exists():
        for each in newest:
            if _end_of(each) > now:
                present.setdefault(each.profile_id, each)
    groups = [(TokenState.ACTIVE, list(present.values()))] if present else []
    past = [each for each in newest if each not in present.values()]
    ended = {each.pk: TokenState.REPLACED if _end_of(each) > now else TokenState.EXPIRED for each in past}
    return groups + [(ended[each.pk], [each]) for each in past]


def _type_of(row: TokenImportRow) -> TokenType:
    assert row.token_type is not None  # noqa: S101 of each row that is to be imported
    return row.token_type


def _end_of(row: TokenImportRow) -> datetime:
    assert row.not_after is not None  # noqa: S101 of each row with a certificate, said for mypy
    return row.not_after


def _request(row: TokenImport, person: Person, now: datetime) -> TokenRequest:
    assert row.asked_by is not None  # noqa: S101 the database holds it for confirmed imports
    return TokenRequest(
        kind=RequestKind.IMPORT,
        origin=RequestOrigin.ADMINISTRATOR,
        person=person,
        requested_by=row.asked_by,
        state=RequestState.COMPLETED,
        delivery_address=person.email,
        issued_at=now,
        ended_at=now,
    )


def _token(
    request: TokenRequest, group: list[TokenImportRow], *, state: TokenState, now: datetime
) -> tuple[SoftwareToken, list[TokenImportRow]]:
    token_type = _type_of(group[0])
    said = {
        "person": snapshot.person_fields(request.person),
        "type": {"code": token_type.code, "version": token_type.number},
        "key_algorithm": _key_algorithm(group[0]),
        "validity_days": token_type.validity_days,
        "delivery_address": request.person.email,
        "certificates": [],  # their content was decided by another system
    }
    token = SoftwareToken(
        request=request,
        person=request.person,
        token_type=token_type,
        type_code=token_type.code,
        kind=RequestKind.IMPORT,
        is_open=False,
        snapshot=said,
        state=state,
        ended_at=None if state == TokenState.ACTIVE else now,
    )
    return token, group


def _key_algorithm(row: TokenImportRow) -> str:
    """The key algorithm as token types name it; for others the curve's name."""
    key = certificates.load(bytes(row.certificate or b"")).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""
    return {"secp256r1": KeyAlgorithm.EC_P256.value, "secp384r1": KeyAlgorithm.EC_P384.value}.get(
        curve, curve
    )


def _certificate(token: SoftwareToken, row: TokenImportRow, position: int, now: datetime) -> Certificate:
    facts = certificates.describe(bytes(row.certificate or b""))
    return Certificate(
        token=token,
        profile=row.profile,
        position=position,
        state=CertificateState.VALID if facts.not_after > now else CertificateState.EXPIRED,
        certificate=row.certificate,
        serial=facts.serial_hex,
        issuer=row.issuer,
        subject=row.subject,
        fingerprint_sha256=facts.sha256_fingerprint,
        not_before=facts.not_before,
        not_after=facts.not_after,
    )


def _mark(row: TokenImport, each: TokenImportRow, certificate: Certificate) -> ImportedCertificate:
    return ImportedCertificate(
        certificate=certificate,
        token_import=row,
        public_key_sha256=each.public_key_sha256,
        ca=matching.connection_of(certificate.der),
    )
