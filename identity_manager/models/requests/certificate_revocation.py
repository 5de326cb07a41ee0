"""Revocation and hold of a certificate: the decision, and its state at the CA."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.functional import Promise
from django_fsm import transition

from ca_bridge.contract import RevocationReason
from ca_bridge.database.state_machine import Stateful
from ca_bridge.models import LOOK_AGAIN
from identity_manager.models.lease import Leased
from identity_manager.models.requests.certificate_states import NOT_ENDED, CertificateState
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS

C = CertificateState


class RevocationAndHold(Stateful, Leased):
    """The part of Certificate that is about revocation and hold.

    by_hand_since: its CA has no revocation, or refused, so that an officer revokes it manually.
    held_at_ca: its CA has it on hold, or may have; False where the hold is in the database alone.
    on_crl_at: since when the published CRL of its issuer lists it, as far as that was read (`IssuerCrl`).
    """

    revocation_reason = models.CharField(max_length=32, blank=True)
    revocation_decided_at = models.DateTimeField(null=True)
    by_hand_since = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    on_crl_at = models.DateTimeField(null=True)
    hold_wanted = models.BooleanField(default=False)
    held_at_ca = models.BooleanField(default=False)

    if TYPE_CHECKING:  # of Certificate
        state: Any
        not_after: Any
        erase_key: Any

    class Meta:
        abstract = True

    @property
    def revocation_reason_words(self) -> str | Promise:
        """The revocation reason in the reader's language."""
        return REVOCATION_REASONS.in_words(self.revocation_reason)

    @transition(field="state", source=[C.VALID, C.ON_HOLD], target=C.REVOKED)
    def revoke(self, *, now: datetime) -> None:
        """The CA has revoked it, for the reason that was decided."""
        self.revoked_at = now

    @property
    def is_living(self) -> bool:
        """Whether it is valid or on hold, and not to be revoked."""
        return self.state in NOT_ENDED and self.revocation_decided_at is None

    @property
    def is_revocable(self) -> bool:
        """Whether a revocation can be decided: it is living, or so far to be revoked as superseded alone.

        At a CA without revocation a superseded certificate expires by itself; after any other reason an
        officer revokes it there by hand.
        """
        waits = self.state in NOT_ENDED and self.revocation_reason == RevocationReason.SUPERSEDED
        return self.is_living or waits

    @property
    def revocation_waits(self) -> bool:
        """Whether its revocation was decided, and its CA has not done it: it may be trusted until then."""
        return self.revocation_decided_at is not None and self.state in (C.VALID, C.ON_HOLD)

    def is_to_be_revoked_by_hand(self, now: datetime) -> bool:
        """Whether its CA has no interface for revocation, so that an officer revokes it there by hand."""
        alive = self.state in NOT_ENDED and self.not_after is not None and self.not_after > now
        return alive and self.by_hand_since is not None

    def is_not_on_crl(self, now: datetime) -> bool:
        """Whether it is revoked and not expired, and no CRL lists it yet, as far as is known."""
        alive = self.not_after is not None and self.not_after > now
        return alive and self.revoked_at is not None and self.on_crl_at is None

    def withdraw_revocation(self) -> None:
        """Drop the revocation: its CA has no interface for it, and the certificate expires by itself."""
        self.revocation_reason = ""
        self.revocation_decided_at = self.by_hand_since = None
        self.settle_lease()

    def require_manual_revocation(self, *, now: datetime, error: str = "") -> None:
        """Leave the revocation to an officer by hand; the CA is polled for its status later."""
        self.settle_later(error, now=now, not_before=now + LOOK_AGAIN)
        self.by_hand_since = self.by_hand_since or now

    @property
    def hold_is_due(self) -> bool:
        """Whether a hold, or its end, was decided and has not reached the CA yet."""
        if self.state not in (C.VALID, C.ON_HOLD) or self.revocation_decided_at is not None:
            return False
        if self.hold_wanted:
            return bool(self.state == C.VALID)
        return bool(self.state == C.ON_HOLD or self.held_at_ca)

    @transition(field="state", source=C.VALID, target=C.ON_HOLD)
    def hold(self, *, at_ca: bool) -> None:
        """On hold (RFC 5280 5.3.1, certificateHold): at the CA, or in the database only."""
        self.held_at_ca = at_ca

    @transition(field="state", source=C.ON_HOLD, target=C.VALID)
    def release(self) -> None:
        """The hold has ended: valid again."""
        self.held_at_ca = False

    def decide_hold(self, *, wanted: bool, now: datetime) -> None:
        """Decide a hold or its release, and make the CA call due now.

        If a release was sent to the CA and its outcome is unknown, the hold is sent again.
        """
        if wanted and self.state == C.ON_HOLD and not self.hold_wanted and self.attempts:
            self.release()
        self.hold_wanted = wanted
        if self.hold_is_due:
            self.work_is_due(now)
        else:
            self.settle_lease()

    def decide_revocation(self, *, reason: RevocationReason, now: datetime) -> None:
        """Decide the revocation, and make the CA call due now."""
        self.revocation_reason = reason.value
        self.revocation_decided_at = now
        self.erase_key()
        self.work_is_due(now)
