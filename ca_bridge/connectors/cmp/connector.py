"""The connector to a CA that speaks the Certificate Management Protocol (RFC 9810)."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.cmp import wire
from ca_bridge.connectors.cmp.conversation import Cmp, Talk, Task
from ca_bridge.connectors.cmp.messages import BodyType, FailureBit, Message
from ca_bridge.connectors.cmp.options import CmpOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthFinding

# PKIStatus (RFC 9810 5.2.3) of an answer to a revocation.
_REVOKED = {0, 1, 5}  # accepted, grantedWithMods, revocationNotification
_LATER = {3, 4}  # waiting, revocationWarning


class CmpConnector:
    """Enrols and confirms, at once or pending; revokes, without holds. CMP has no search."""

    Options = CmpOptions

    def __init__(self, options: CmpOptions) -> None:
        self.options = options
        self._cmp = Cmp(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Enrol and confirm. The CA decides on content and validity, which the bridge compares."""
        return self._enrolled(order)

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        """Poll in the same transaction (RFC 9810 5.3.22) whether the CA has decided."""
        return self._enrolled(order, wire.answers_of(handle))

    def _enrolled(self, order: CertificateOrder, before: Sequence[Message] = ()) -> Answer:
        task, path = wire.enrolment(order, self.options), wire.path(self.options, order.ca_profile)
        talk = self._cmp.talk(task, path, before, orders=True)
        if isinstance(talk, Reply):
            if before or not 400 <= talk.status < 500:
                raise _trouble(talk)
            return _refused_by_http(talk)
        if talk.step.checked and talk.last.kind == BodyType.POLLREP:
            return self._pending(talk)
        if talk.step.done or "certificate not accepted" in talk.step.said:
            return wire.issued(talk)  # also one that certConf rejected: the bridge verifies and refuses it
        return self._refused(talk)

    def _pending(self, talk: Talk) -> Pending:
        seconds = min(max(talk.last.check_after, 1), self.options.longest_wait)
        return Pending(wire.handle_of(talk), timezone.now() + timedelta(seconds=seconds))

    def _refused(self, talk: Talk) -> Refused:
        """The permanent refusal in an answer. Raises CaError or InDoubtError for anything else."""
        decided = talk.step.checked and talk.last.kind in (BodyType.IP, BodyType.CP)
        if not talk.first and not decided:
            raise talk.reply.garbled(talk.step.said)
        _raise_if_transient(talk)
        if not talk.step.checked or FailureBit.SYSTEM_FAILURE in talk.last.failures:
            raise talk.reply.garbled(talk.step.said)
        return Refused.request(talk.step.said)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke with the reason; UNSUPPORTED for a hold, which CMP could not end."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return RevocationOutcome.UNSUPPORTED
        talk = self._managed(wire.revocation(certificate, reason))
        if not talk.step.checked:
            _raise_if_transient(talk)
            raise talk.reply.garbled(talk.step.said)
        if talk.last.kind == BodyType.POLLREP or talk.last.status in _LATER:
            return RevocationOutcome.PENDING
        if talk.last.kind == BodyType.RP and talk.last.status in _REVOKED:
            return RevocationOutcome.REVOKED
        if FailureBit.CERT_REVOKED in talk.last.failures:
            return RevocationOutcome.ALREADY_REVOKED
        _raise_if_transient(talk)
        passes = FailureBit.SYSTEM_FAILURE in talk.last.failures
        message = _("The certificate authority refused the revocation.")
        raise CaError(message, talk.step.said, permanent=not passes)

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check by a general message that the CA accepts our credentials and that we trust its answer."""
        talk = self._managed(wire.INQUIRY)
        _raise_if_transient(talk)
        if not talk.step.checked:
            return Health(ok=False, detail=talk.step.said)
        return Health.healthy(HealthFinding.PROTECTED)

    def _managed(self, task: Task) -> Talk:
        path = self.options.management_path or self.options.path
        talk = self._cmp.talk(task, path)
        if isinstance(talk, Reply):
            raise _trouble(talk)
        return talk


def _refused_by_http(reply: Reply) -> Refused:
    if reply.status in (401, 403) or reply.is_put_off:
        raise _trouble(reply)
    return Refused.request(reply.said())


def _trouble(reply: Reply) -> Exception:
    passes = reply.status in (401, 403) or reply.is_put_off
    return reply.not_taken() if passes else reply.garbled(reply.said())


def _raise_if_transient(talk: Talk) -> None:
    """Raise a transient CaError for an unprotected error message: the shared secret does not match."""
    failures, is_error = talk.last.failures, talk.last.kind == BodyType.ERROR
    if (is_error and not talk.step.checked) or failures & wire.CREDENTIALS:
        raise CaError.credentials(talk.step.said)
    if failures & wire.PASSING:
        raise CaError.out_of_service(talk.step.said)
