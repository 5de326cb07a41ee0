"""Verbs on target uses (a target for a token type): four eyes to switch one on, one officer to end it."""

import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.catalogue import mail_keys, permission
from identity_manager.models import HoldBack, Person, Target, TargetUse, TokenType
from identity_manager.models.people.vouching import Exclusion
from identity_manager.targets import connectors
from identity_manager.targets.configuration import SIGN_IN
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.targets.planning import signs_in

NOT_ADMINISTRATOR = Reason(
    "target-not-administrator", _("System Administrators say which token types a target is for.")
)
OWN_USE = Reason("own-target-use", _("Another System Administrator confirms it, not who asked for it."))
USE_NOT_WAITING = Reason("target-use-not-waiting", _("This does not wait any more."))
USE_ENDED = Reason("target-use-ended", _("The target is not used for this type any more."))
USED_ALREADY = Reason("target-used-already", _("The target is used for this type already, or waits to be."))
NO_TARGET = Reason("no-target", _("The settings have no target of this name."))
NO_SUCH_TYPE = Reason("target-no-such-type", _("Choose a token type that is offered."))
NO_HOLD_BACK = Reason("target-no-hold-back", _("Choose how long a certificate is held back."))
KEYS_DO_NOT_LEAVE = Reason(
    "target-keys-do-not-leave",
    _("The token type lets no keys go to targets, or has none that decrypts mail and signs no documents."),
)
KEYS_ARE_NOT_HELD_BACK = Reason(
    "target-keys-not-held-back", _("Keys go to this target when the token is sealed: they are not held back.")
)
NOTHING_ENCRYPTS = Reason(
    "target-nothing-encrypts", _("The type has no certificate that mail can be encrypted to.")
)
NOTHING_SIGNS_IN = Reason("target-nothing-signs-in", _("The type has no certificate for signing in."))
REASONS = {Exclusion.OFFICE: NOT_ADMINISTRATOR, Exclusion.ASKED: OWN_USE}


def require_administrator(actor: Person) -> None:
    """Require a System Administrator of all units, whose certificates a target holds. Raises NotAllowed."""
    is_one = permission.is_system_administrator(actor)
    require(is_one, else_=NOT_ADMINISTRATOR, kind=NotAllowed)


def row_of(name: str) -> Target:
    """Get or create the row of a configured target. Raises NotPossible."""
    require(name in settings.TARGETS, else_=NO_TARGET)
    return Target.objects.get_or_create(name=name, defaults={"next_attempt_at": timezone.now()})[0]


def ask(*, actor: Person, target: str, type_code: str, hold_back: str) -> TargetUse:
    """Ask to switch a target on for a token type. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        require_administrator(actor)
        row = row_of(target)
        locking.target(row.pk)
        token_type = TokenType.objects.active().filter(code=type_code).first()
        if token_type is None:
            raise NotPossible(NO_SUCH_TYPE, field="type_code")
        require(hold_back in HoldBack.values, else_=NO_HOLD_BACK, field="hold_back")
        _require_suitable(target, token_type, hold_back)
        is_used = TargetUse.objects.open().filter(target=row, type_code=type_code).exists()
        refuse(USED_ALREADY if is_used else None, kind=Stale, field="type_code")

        use = TargetUse.objects.create(target=row, type_code=type_code, hold_back=hold_back, asked_by=actor)
        _record(audit.Event.TARGET_USE_ASKED, use, actor)
        return use


def _require_suitable(target: str, token_type: TokenType, hold_back: str) -> None:
    """Require that certificates, or keys, of the type can go to the target. Raises NotPossible."""
    profiles = token_type.ordered_profiles()
    configuration = connectors.configuration_of(target)
    if configuration is not None and configuration.kind == SIGN_IN:
        require(any(map(signs_in, profiles)), else_=NOTHING_SIGNS_IN, field="type_code")
        return
    if configuration is None or not configuration.takes_keys:
        encrypts = any(map(mail_keys.encrypts_mail, profiles))
        require(encrypts, else_=NOTHING_ENCRYPTS, field="type_code")
        return
    leave = token_type.keys_leave and mail_keys.keys_that_leave(profiles)
    require(leave, else_=KEYS_DO_NOT_LEAVE, field="type_code")
    require(hold_back == HoldBack.ISSUED, else_=KEYS_ARE_NOT_HELD_BACK, field="hold_back")
    locking.terms_document(token_type.terms_id)  # so that no version without key holders is published now
    refuse(mail_keys.terms_obstacle(token_type, [configuration.kind]), field="type_code")


def confirm(*, actor: Person, use_id: uuid.UUID) -> TargetUse:
    """Confirm a use as the second System Administrator: certificates go to the target from now on.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        use = locking.target_use(use_id)
        second_officer.require(actor, use, reasons=REASONS, not_waiting=USE_NOT_WAITING)
        token_type = TokenType.objects.active().filter(code=use.type_code).first()
        if token_type is not None:  # a retired one issues nothing new
            _require_suitable(use.target.name, token_type, use.hold_back)

        use.confirm(by=actor, now=timezone.now())
        use.save()
        _record(audit.Event.TARGET_USE_CONFIRMED, use, actor)
        return use


def refuse_use(*, actor: Person, use_id: uuid.UUID, reason: str) -> TargetUse:
    """Refuse a use as the second System Administrator. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        use = locking.target_use(use_id)
        second_officer.require(actor, use, reasons=REASONS, not_waiting=USE_NOT_WAITING)
        require(reason.strip(), else_=NO_REASON, field="reason")

        use.refuse(by=actor, reason=reason.strip(), now=timezone.now())
        use.save()
        _record(audit.Event.TARGET_USE_REFUSED, use, actor)
        return use


def end(*, actor: Person, use_id: uuid.UUID) -> TargetUse:
    """End a confirmed use, or withdraw one that waits, as any System Administrator.

    Its certificates are taken back. Raises NotAllowed or Stale.
    """
    now = timezone.now()
    with transaction.atomic():
        require_administrator(actor)
        use = locking.target_use(use_id)
        if use.waits():
            use.withdraw(by=actor, reason="", now=now)
            use.save()
            _record(audit.Event.TARGET_USE_WITHDRAWN, use, actor)
        else:
            require(use.is_in_force, else_=USE_ENDED, kind=Stale)
            use.ended_at, use.ended_by = now, actor
            use.save()
            _record(audit.Event.TARGET_USE_ENDED, use, actor)
        return use


def _record(event: audit.Event, use: TargetUse, actor: Person) -> None:
    facts = {"target": use.target.name, "token_type": use.type_code, "hold_back": use.hold_back}
    audit.record(event, actor=actor, subject=None, **facts)
