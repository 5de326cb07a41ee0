"""The sealer: assigns chain numbers, links and MACs to committed events; one sealer at a time.

Events are appended by concurrent transactions, and commit order differs from id order. So chain numbers are
assigned here, without gaps, to what this transaction sees.
"""

from typing import Any

from django.db import transaction
from django.db.models import F

from identity_manager import audit_proof
from identity_manager.audit import Event, keys, notes
from identity_manager.models import AuditChain, AuditEvent
from identity_manager.telemetry import instruments

AT_ONCE = 500
TURNS = 20


def seal() -> int:
    """Seal a bounded number of events; return how many. Raises keys.NoKey.

    Returns at once where another sealer is at work.
    """
    sealed = 0
    for _turn in range(TURNS):
        done = _seal_some() if AuditEvent.objects.unsealed().exists() else 0
        sealed += done
        if done < AT_ONCE:
            break
    return sealed


def _seal_some() -> int:
    version, key = keys.newest_mac_key()
    with transaction.atomic():
        end = _take_turn()
        if end is None:
            return 0
        events = list(AuditEvent.objects.unsealed()[:AT_ONCE])
        for event in events:
            _append(event, end, key)
            event.mac_key = version
            AuditEvent.objects.filter(pk=event.pk, number=None).update(
                number=event.number,
                form=event.form,
                content_sha256=event.content_sha256,
                previous=event.previous,
                chain=event.chain,
                mac=event.mac,
                mac_key=event.mac_key,
                **_witnessed(event),
            )
        AuditChain.objects.filter(pk=end.pk).update(number=end.number, chain=end.chain)
    for event in events:  # counted here, because each event is sealed exactly once
        instruments.EVENTS.labels(event.name).inc()
    return len(events)


def _take_turn() -> AuditChain | None:
    """The end of the chain, locked; None where another sealer has just moved it.

    The conditional update takes the row lock: a second sealer waits, finds the version changed, and
    stops.
    """
    end, _ = AuditChain.objects.get_or_create(pk=1)
    taken = AuditChain.objects.filter(pk=1, turn=end.turn).update(turn=F("turn") + 1)
    return end if taken else None


def _witnessed(event: AuditEvent) -> dict[str, Any]:
    """The facts to store: a note with its MAC. No other event is written: it may have been erased since."""
    if event.name != Event.PERSON_ERASED:
        return {}
    names = ("facts", "facts_salt", "personal_sha256")
    return {name: getattr(event, name) for name in names}


def _append(event: AuditEvent, end: AuditChain, key: bytes) -> None:
    """Set the event's number, link and MAC, and move the chain's end."""
    event.number = end.number + 1
    event.form, event.body_sha256 = audit_proof.NEWEST_FORM, ""
    notes.witness(event)
    event.content_sha256 = event.own_hash
    event.previous = end.chain
    event.chain = audit_proof.link(event.previous, event.content_sha256)
    event.mac = audit_proof.mac(key, event.chain)
    end.number, end.chain = event.number, event.chain
