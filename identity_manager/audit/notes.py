"""Notes: events that say what was taken out of the log on purpose, with a MAC under the keys of the log.

Whoever writes to the database can append an event, and the sealer seals it. So an event alone is no leave to
empty another one. A note counts only with the MAC of a process that holds the keys and has looked at what
the sealed log itself says:

- of events that were forgotten, from the job that empties them, for each of which it has checked that it is
  as it was sealed, a sign-in, and old enough;
- of somebody who was erased, from the sealer, which looks in the log for another officer who asked for it,
  and for the day on which the person was locked.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import Event, keys
from identity_manager.models import AuditEvent

FORGETTABLE = (Event.SIGNED_IN, Event.SIGN_IN_FAILED)
_ERASURES = (Event.ERASURE_ASKED, Event.ERASURE_WITHDRAWN, Event.PERSON_ERASED)


def is_as_sealed(event: AuditEvent) -> bool:
    """Whether the event says what the sealer sealed. Looks at the event alone, not at its place."""
    key = keys.mac_key(event.mac_key)
    if key is None or audit_proof.mac(key, event.chain) != event.mac:
        return False
    return event.own_hash == event.content_sha256 and event.chain == audit_proof.link(
        event.previous, event.content_sha256
    )


def is_authentic(note: AuditEvent) -> bool:
    """Whether a process with the keys of the log made the note."""
    key = keys.mac_key(str(note.facts.get("mac_key", "")))
    return key is not None and audit_proof.mac_of_note(key, _statement(note)) == note.facts.get("mac")


def _authenticate(note: AuditEvent) -> None:
    version, key = keys.newest_mac_key()
    note.facts = {**note.facts, "mac_key": version}
    note.facts["mac"] = audit_proof.mac_of_note(key, _statement(note))
    note.facts_salt = note.facts_salt or secrets.token_hex(16)
    note.personal_sha256 = audit_proof.personal_hash(note.facts_salt, note.personal_facts)


def _statement(note: AuditEvent) -> dict[str, Any]:
    facts = {name: value for name, value in note.facts.items() if name != "mac"}
    return {"note": str(note.name), "id": str(note.pk), "facts": facts}


# --- Events that were forgotten --------------------------------------------------------------------
def record_forgotten(events: Sequence[AuditEvent], *, until: datetime, ranges: list[list[int]]) -> None:
    """Say which events were emptied, all of them older than until. Raises keys.NoKey.

    The link of the last one stands for all of them: the note says nothing of another chain.
    """
    note = audit.event_about(
        Event.EVENTS_FORGOTTEN,
        actor=None,
        subject=None,
        number=ranges,
        rows=len(events),
        until=until.isoformat(),
        chain=events[-1].chain,
    )
    _authenticate(note)
    audit.append([note])


# --- Persons who were erased -----------------------------------------------------------------------
def witness(event: AuditEvent) -> None:
    """Put the MAC on an erasure that the sealed log bears out. The sealer calls it before it seals.

    until: before then the person was locked, by the clock of who seals. Checking the log looks once more:
    what contradicts it may have been away for a moment.
    """
    if event.name != Event.PERSON_ERASED:
        return
    until = timezone.now() - timedelta(days=settings.ERASURE_DAYS)
    if _is_borne_out(event, until):
        event.facts = {**event.facts, "until": until.isoformat()}
        _authenticate(event)


def _is_borne_out(erased: AuditEvent, until: datetime) -> bool:
    reference = reference_of_erased(erased)
    asked = AuditEvent.objects.sealed().filter(name=Event.ERASURE_ASKED, person_ref=reference)
    by_others = asked.exclude(actor_ref__in=("", erased.actor_ref))
    return bool(reference) and any(map(is_as_sealed, by_others)) and _left_before(until, reference)


def _left_before(until: datetime, reference: str) -> bool:
    """Whether the person was locked before then; where that was cut off, has done nothing since."""
    sealed = AuditEvent.objects.sealed()
    locked = sealed.filter(name=Event.PERSON_LOCKED, person_ref=reference).last()
    if locked is not None:
        return locked.at <= until and is_as_sealed(locked)
    return not sealed.filter(actor_ref=reference, at__gt=until).exists()


def _bears_out_itself(note: AuditEvent) -> bool:
    """Whether the note is authentic, and the log that is read with it does not contradict it."""
    if not is_authentic(note):
        return False
    return _left_before(datetime.fromisoformat(note.facts["until"]), reference_of_erased(note))


def reference_of_erased(event: AuditEvent) -> str:
    """Who was erased, by their reference in the log; empty where nothing in it names them."""
    reference = event.facts.get("reference", "")
    return reference if isinstance(reference, str) else ""


def erased_references(living: frozenset[str]) -> frozenset[str]:
    """The references that may have lost their person: a note, or a pair of old events, says of each why."""
    erased = AuditEvent.objects.sealed().filter(name=Event.PERSON_ERASED)
    notes = erased.exclude(form=audit_proof.FIRST_FORM)
    borne_out = {reference_of_erased(note) for note in notes if _bears_out_itself(note)}
    return frozenset(borne_out | _erased_in_the_first_form(living | borne_out)) - living


def _erased_in_the_first_form(known: frozenset[str]) -> set[str]:
    """Who was asked for in an event of the first form, and is not known otherwise.

    Nobody seals such events any more. Each of them was followed by one that says that somebody was erased,
    and not whom: where there are more names than erasures, one name too many was emptied, and none counts.
    """
    asked = set()
    erased = 0
    of_old = AuditEvent.objects.sealed().filter(name__in=_ERASURES, form=audit_proof.FIRST_FORM)
    for event in filter(is_as_sealed, of_old):
        if event.name == Event.ERASURE_ASKED:
            asked.add(event.person_ref)
        elif event.name == Event.ERASURE_WITHDRAWN:
            asked.discard(event.person_ref)
        else:
            erased += 1
    unknown = asked - known
    return unknown if len(unknown) <= erased else set()
