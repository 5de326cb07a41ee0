"""Revocation and hold of a certificate: what was decided, and what its CA has done."""

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
from identity_manager.models.requests.revocation_reasons import REASONS_IN_WORDS

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

    if TYPE_CHECKING:  # columns of Certificate
        state: Any
        not_after: Any
        private_key_wrapped: Any

    class Meta:
        abstract = True

    @property
    def revocation_reason_words(self) -> str | Promise:
        """Why it is revoked, in the reader's language."""
        return REASONS_IN_WORDS.in_words(self.revocation_reason)

    @transition(field="state", source=[C.VALID, C.ON_HOLD], target=C.REVOKED)
    def revoke(self, *, now: datetime) -> None:
        """The CA has revoked it, for the reason that was decided."""
        self.revoked_at = now

    @property
    def is_living(self) -> bool:
        """Whether it is valid or on hold, and not to be revoked."""
        return self.state in NOT_ENDED and self.revocation_decided_at is None

    @property
    def revocation_waits(self) -> bool:
        """Whether its revocation was decided, and its CA has not done it: it may be trusted until then."""
        return self.revocation_decided_at is not None and self.state in (C.VALID, C.ON_HOLD)

    def is_to_be_revoked_by_hand(self, now: datetime) -> bool:
        """Whether its CA cannot be told, so that an officer has it revoked there."""
        alive = self.state in NOT_ENDED and self.not_after is not None and self.not_after > now
        return alive and self.by_hand_since is not None

    def withdraw_revocation(self) -> None:
        """Its CA cannot be told, and need not be: it ends by its own date."""
        self.revocation_reason = ""
        self.revocation_decided_at = self.by_hand_since = None
        self.settle_lease()

    def leave_to_hands(self, *, now: datetime, error: str = "") -> None:
        """Its CA cannot be told: an officer has it revoked there. Later it is looked whether that is done."""
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
        """Its CA has it on hold (RFC 5280 5.3.1, certificateHold), or cannot, and we remember it."""
        self.held_at_ca = at_ca

    @transition(field="state", source=C.ON_HOLD, target=C.VALID)
    def release(self) -> None:
        """It counts again."""
        self.held_at_ca = False

    def decide_hold(self, *, wanted: bool, now: datetime) -> None:
        """It is to be put on hold at the CA, or released; what there is to do for that is due now.

        Where the CA was asked to release it, and has or has not, it is asked for the hold once more.
        """
        if wanted and self.state == C.ON_HOLD and not self.hold_wanted and self.attempts:
            self.release()
        self.hold_wanted = wanted
        if self.hold_is_due:
            self.work_is_due(now)
        else:
            self.settle_lease()

    def decide_revocation(self, *, reason: RevocationReason, now: datetime) -> None:
        """It is to be revoked at the CA; the work is due now."""
        self.revocation_reason = reason.value
        self.revocation_decided_at = now
        self.private_key_wrapped = None
        self.work_is_due(now)
