"""Connector to the embedded CA of this installation."""

import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.x509.ocsp import OCSPRequest
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connectors.embedded import (
    authority,
    creation_claim,
    crls,
    due_maintenance,
    ocsp,
    passphrase_change,
    publishing,
    register,
    revoking,
    rollover,
    signing,
)
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.issued_files import IssuedFiles
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.paths import ROOT
from ca_bridge.connectors.embedded.responder import Responder
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    IssuedPage,
    KeptCertificate,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.contract_operation import ROOT_CRL_LIFETIME, DueMaintenance, ItemExpiry
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding

DER = serialization.Encoding.DER


class EmbeddedConnector:
    """Issues, finds, lists, drafts, revokes, holds and releases; publishes CRLs and answers OCSP requests."""

    Options = EmbeddedOptions
    group_size = 8

    def __init__(self, options: EmbeddedOptions) -> None:
        self.options = options
        self._files = IssuedFiles(Path(options.directory))
        self._seen: tuple[Authority, Responder] | None = None

    @property
    def _authority(self) -> Authority:
        return self._now[0]

    @property
    def _responder(self) -> Responder:
        return self._now[1]

    @property
    def _now(self) -> tuple[Authority, Responder]:
        """The Authority of the directory as it is now: a new issuing CA is seen without a restart."""
        if self._seen is None or self._seen[0].is_stale():
            ca = Authority(self.options)
            self._seen = (ca, Responder(ca))
        return self._seen

    def initialise(self) -> bool:
        """Create the CA where there is none: True if it was created now. Raises CaError.

        Where the database knows it, it was created on another host or its directory is lost: a second one
        would have the same name and other keys. Of two hosts that create it at once, the database admits one.
        """
        creation_claim.refuse_second(self.options)
        made = authority.initialise(self.options, partial(creation_claim.claimed, self.options))
        if made and self.options.root_key_file and rollover.root_key_file(self.options):
            place = Path(self.options.root_key_file)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.take_root_offline(place, ROOT_CRL_LIFETIME)
        self._files.begin()
        self._authority.publish()
        return made

    # --- issuing

    def issue(self, order: CertificateOrder) -> Answer:
        """Issue at most one certificate per idempotency key, however often it is called.

        The unique key of the register decides at the insert. An order that may have been asked for before is
        looked up with find() first; a certificate that was signed in vain is discarded.
        """
        ca = self._authority
        refusal = signing.refusal(ca, order)
        if refusal is not None:
            known = self._registered(order)
            if known is not None:
                return self._again(known, order)
            signing.check_end(ca)
            return refusal
        signer = ca.issuing
        certificate = signing.sign(ca, order, signer)
        try:
            register.enter(self.options.name, order, certificate, signer.issuer)
        except IntegrityError:
            return self._not_new(order)
        self._files.add(certificate)
        return self._issued(certificate.public_bytes(DER), signer.issuer)

    def issue_many(self, orders: Sequence[CertificateOrder]) -> list[Issued]:
        """As issue, with one transaction for all; raises CaError unless all are new and none is refused."""
        ca = self._authority
        if any(signing.refusal(ca, order) for order in orders):
            raise CaError("One of these orders is refused.", permanent=True)
        signer = ca.issuing
        signed = [(order, signing.sign(ca, order, signer)) for order in orders]
        try:
            register.enter_all(self.options.name, signed, signer.issuer)
        except IntegrityError as error:
            raise CaError("One of these orders is not new.", permanent=True) from error
        for _order, certificate in signed:
            self._files.add(certificate)
        return [self._issued(each.public_bytes(DER), signer.issuer) for _order, each in signed]

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def find(self, order: CertificateOrder) -> Issued | None:
        """The certificate of the order's idempotency key and request."""
        known = self._registered(order)
        answer = self._again(known, order) if known is not None else None
        return answer if isinstance(answer, Issued) else None

    def draft(self, order: CertificateOrder) -> bytes:
        """Certificate (DER) like that of issue(), by a throw-away key. Raises CaError as issue() does."""
        return signing.draft(self._authority, order).public_bytes(DER)

    def _registered(self, order: CertificateOrder) -> IssuedCertificate | None:
        return register.of_order(self.options.name, order)

    def _again(self, known: IssuedCertificate, order: CertificateOrder) -> Answer:
        if known.csr_sha256 != register.sha256(order.csr):
            return Refused(
                _("This request has been answered already, for another key."),
                f"request id {order.idempotency_key}, serial {known.serial_hex}",
            )
        return self._issued(bytes(known.certificate), known.issuer)

    def _not_new(self, order: CertificateOrder) -> Answer:
        known = self._registered(order)
        if known is not None:
            return self._again(known, order)
        return Refused(_("This key has a certificate already."), f"request id {order.idempotency_key}")

    def _issued(self, certificate: bytes, issuer: str) -> Issued:
        above = self._authority.path(issuer)[:-1]
        return Issued(certificate, tuple(each.public_bytes(DER) for each in above))

    # --- revocation

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke, and sign a new CRL. A hold can become a revocation, never the other way round."""
        (outcome,) = self.revoke_many([(certificate, reason)])
        if isinstance(outcome, CaError):
            raise outcome
        return outcome

    def revoke_many(
        self, wanted: Sequence[tuple[bytes, RevocationReason]]
    ) -> list[RevocationOutcome | CaError]:
        """As revoke, with one new CRL of each issuer for all of them."""
        outcomes, issuers = revoking.enter(self._authority, self._files, wanted)
        # Also where nothing changed: whoever revoked it may have died before the CRL was signed.
        for issuer in issuers:
            crls.renew(self.options.name, self._authority.signer(issuer))
        return outcomes

    def release(self, certificate: bytes) -> bool:
        """End a hold; a CRL signed now no longer lists the certificate (RFC 5280 5.3.1)."""
        row = self._own(certificate)
        held = IssuedCertificate.objects.filter(pk=row.pk, reason=RevocationReason.CERTIFICATE_HOLD)
        changed = held.update(revoked_at=None, reason="")
        crls.renew(self.options.name, self._authority.signer(row.issuer))
        return bool(changed)

    def forget(self, certificate: bytes) -> None:
        """Delete the certificate; serial number and revocation stay in the register."""
        register.forget(self._files, certificate)

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage:
        """The serial numbers of the issued files, which a restored database may lack."""
        return self._files.page(since, cursor)

    def kept(self, serial: int) -> KeptCertificate | None:
        """Look a serial number up in the register, else among the issued files."""
        return register.kept(self.options.name, self._files, serial)

    def _own(self, certificate: bytes) -> IssuedCertificate:
        return register.own(self._authority, self._files, certificate)

    # --- what others read

    def chain(self) -> Sequence[bytes]:
        """The issuing CAs, newest first, and what stands above them, the newest one's root last."""
        ca = self._authority
        older = (each for name in ca.issuing_cas[1:] for each in ca.path(name))
        newest = ca.path(ca.newest)
        found = dict.fromkeys((newest[0], *older, *newest[1:]))
        found[newest[-1]] = found.pop(newest[-1])
        return tuple(each.public_bytes(DER) for each in found)

    def health(self) -> Health:
        """Check that the issuing key opens, in a process that signs, and that no CRL is overdue."""
        try:
            ca = self._authority
            certificate = ca.issuing.certificate if self.options.signs else ca.certificate(ca.newest)
            signing.check_end(ca)
        except CaError as error:
            return Health(ok=False, detail=error.words)
        for issuer in ca.issuers():
            ends = crls.end(self.options.name, issuer)
            if ends is not None and ends <= timezone.now():
                values = {"name": authority.published_stem(self.options, issuer), "ended": f"{ends:%F %R}"}
                return Health.unhealthy(HealthDetail(HealthFinding.CRL_ENDED, values))
        name, until = certificate.subject.rfc4514_string(), certificate.not_valid_after_utc
        return Health.healthy(HealthFinding.HOLDS_UNTIL, name=name, until=until.date().isoformat())

    def due_maintenance(self) -> Sequence[DueMaintenance]:
        return due_maintenance.of(self._authority)

    def holds_signing_keys(self) -> bool:
        """Whether this process could sign certificates: it has a key and the passphrase."""
        ca = self._authority
        return any(ca.keys.holds(each) for each in (*ca.issuing_cas, ROOT))

    def expiries(self) -> Sequence[ItemExpiry]:
        return due_maintenance.expiries(self._authority)

    def renew_crl_if_due(self) -> bool:
        """Sign each CRL that is older than a day or missing; renew OCSP signers before they expire.

        The CRL of a root whose key is offline is signed by a command.
        """
        if not self.options.signs:
            return False
        self._authority.publish()
        self._files.begin()
        self._files.forget_old()
        issuers = self._authority.issuers()
        signers = [each for each in issuers if each != ROOT]
        return _all_done(
            [
                *(functools.partial(self._renew_if_due, each) for each in issuers),
                *(functools.partial(self._responder.renew_if_due, each) for each in signers),
            ]
        )

    def _renew_if_due(self, issuer: str) -> bool:
        ca = self._authority
        due = crls.is_due(crls.present(self.options.name, issuer))
        if not due or (issuer == ROOT and not ca.keys.holds(ROOT)):
            return False
        crls.renew(self.options.name, ca.signer(issuer))
        return True

    def roll_issuing_ca(self, root_key: Path | None) -> bytes:
        """Create the next issuing CA below the own root."""
        return rollover.roll(self.options, root_key).public_bytes(DER)

    def request_issuing_ca(self) -> bytes:
        """A CSR (PEM) for the next issuing CA, for another root to sign."""
        return rollover.request(self.options)

    def accept_issuing_ca(self, pem: bytes) -> bytes:
        """Install the certificate that was signed for that CSR."""
        return rollover.accept(self.options, pem).public_bytes(DER)

    def revoke_issuing_ca(self, name: str, reason: RevocationReason, root_key: Path | None) -> bytes:
        """Put a former issuing CA on the root's CRL."""
        return rollover.revoke(self.options, name, reason, root_key).public_bytes(DER)

    def sign_root_crl(self, lifetime: timedelta, root_key: Path | None) -> None:
        """Sign a CRL of the root with this validity."""
        rollover.sign_root_crl(self.options, lifetime=lifetime, root_key=root_key)

    def take_root_offline(self, to: Path, lifetime: timedelta) -> None:
        """The same, and move the root's key to a file elsewhere."""
        rollover.take_root_offline(self.options, to, lifetime)

    def change_passphrase(self, to: Path | None, root_key: Path | None) -> int:
        """Add the passphrase in this file to the keys; without a file, drop all but the present one."""
        return (
            passphrase_change.add(self.options, to, root_key)
            if to
            else passphrase_change.finish(self.options, root_key)
        )

    def ocsp(self, request: OCSPRequest) -> bytes | None:
        """The status in the register of a certificate that one of the issuing CAs signed."""
        ca = self._authority
        for issuer in ca.issuing_cas:
            if ocsp.is_about(request, ca.certificate(issuer)):
                return self._responder.answer(request, issuer)
        return None

    def present_crl(self, certificate: bytes) -> bytes:
        """The CRL of the issuing CA that signed the certificate, as it is published. Raises CaError."""
        row = self._own(certificate)
        crl = crls.present(self.options.name, row.issuer)
        if crl is None:
            raise CaError("No CRL has been signed yet.", authority.published_stem(self.options, row.issuer))
        return bytes(crl.der)

    def published(self, file_name: str) -> tuple[str, bytes] | None:
        """Content type and content of a CRL or of an issuer's certificate; None if there is none."""
        return publishing.published(self._authority, file_name)


def _all_done(tasks: Sequence[Callable[[], bool]]) -> bool:
    """Run each part of the maintenance, whatever the others raise; whether any had work to do."""
    done, troubles = False, []
    for task in tasks:
        try:
            done = task() or done
        except CaError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]
    return done
