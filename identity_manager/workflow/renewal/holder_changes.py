"""Holder changes: certificates in use with outdated data of their person, and what happens with them.

Whoever changes a person (an officer, a second officer's confirmation, an import) only writes the person. This
module compares the tokens in use with the persons who were written since, and the type says what follows
(HolderChangeRule). As long as a change is open its token can be renewed before its renewal window.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509 import profiles
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    HolderChange,
    HolderChangeRule,
    Person,
    RequestOrigin,
    SoftwareToken,
    TokenType,
)
from identity_manager.models.people.person import field_name
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import snapshot, step1_renew
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.snapshot import Difference

HOLDER_FIELDS = ("given_name", "surname", "display_name", "email", "upn", "sid")
ANSWERED = Reason(
    "holder-change-answered",
    _("Somebody has answered this, the token is renewed, or the data are as before."),
)
CHANGED_AGAIN = Reason(
    "holder-changed-again", _("The person's data have changed again since you opened the page.")
)
YOUR_OWN = Reason("own-token-to-leave", _("This is your own token. Another administrator decides on it."))


@dataclass(frozen=True)
class _Case:
    """A token in use, its last change, and what differs now; nothing where its type does not care."""

    token: SoftwareToken
    change: HolderChange | None
    differences: list[Difference]

    @property
    def fingerprint(self) -> str:
        return snapshot.fingerprint(self.differences)

    @property
    def is_news(self) -> bool:
        is_open = self.change is not None and self.change.ended_at is None
        if not self.differences:
            return is_open
        return self.change is None or self.change.fingerprint != self.fingerprint or self._came_back

    @property
    def _came_back(self) -> bool:
        """Whether the same change was there, was taken back, and is there again."""
        return (
            self.change is not None and self.change.ended_at is not None and self.change.ended_by_id is None
        )


def notice(person_ids: Collection[uuid.UUID]) -> int:
    """Compare the tokens in use of these persons with who they are now; return for how many there is news.

    A fixed number of statements, however many persons. Persons are locked only where there is news.
    """
    concerned = {case.token.person_id for case in _news(person_ids)}
    if not concerned:
        return 0
    with transaction.atomic():
        locking.persons(concerned)
        news, now = [*_news(concerned)], timezone.now()
        written = [_written(case, now) for case in news]
        HolderChange.objects.bulk_create(
            written,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["fingerprint", "noticed_at", "started_at", "ended_at"],
        )
        audit.append([_event(case) for case in news])
        return len(news)


def start(change_ids: Collection[uuid.UUID]) -> int:
    """Open the renewals that the types want at once; return how many. An officer has those that cannot be.

    One that comes to nothing is not started a second time: an officer answers it.
    """
    with transaction.atomic():
        wanted = HolderChange.objects.to_be_renewed().filter(pk__in=change_ids)
        locking.persons(wanted.order_by().values_list("person", flat=True))
        rows = {row.token_id: row for row in wanted.select_related("token__person")}
        started = step1_renew.start_by_itself(
            [row.token for row in rows.values()], origin=RequestOrigin.HOLDER_CHANGE
        )
        keys = [rows[token_id].pk for token_id in started]
        HolderChange.objects.filter(pk__in=keys).update(started_at=timezone.now())
        return len(started)


def check(*, person_id: uuid.UUID) -> None:
    """Notice what has changed of one person, and start what is to be renewed at once."""
    notice([person_id])
    waiting = HolderChange.objects.to_be_renewed().filter(person=person_id)
    if keys := list(waiting.values_list("pk", flat=True)):
        start(keys)


def leave(*, actor: Person, change_id: uuid.UUID, changes_hash: str, reason: str) -> HolderChange:
    """An officer leaves the token as it is, and says why; the next change is a new question.

    changes_hash is of the differences that the officer saw. Raises NotAllowed, Stale, or NotPossible at
    `reason`.
    """
    with transaction.atomic():
        token = locking.token(HolderChange.objects.values_list("token", flat=True).get(pk=change_id))
        require(
            eligibility.administers(actor, token.person), else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed
        )
        refuse(YOUR_OWN if actor.pk == token.person_id else None, kind=NotAllowed)
        change = HolderChange.objects.unanswered().filter(pk=change_id).first()
        if change is None:
            raise Stale(ANSWERED)
        differ = differences(token, _fields_of(token.required_type))
        require(changes_hash == snapshot.fingerprint(differ), else_=CHANGED_AGAIN, kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        change.fingerprint = changes_hash
        change.ended_at, change.ended_by = timezone.now(), actor
        change.reason = reason.strip()[:LONGEST_REASON]
        change.save()
        audit.record(audit.Event.HOLDER_CHANGE_LEFT, actor=actor, subject=token, reason=change.reason)
        return change


def differences_of(change: HolderChange) -> list[Difference]:
    """Differences between the certificates' data and the person as they are now."""
    return differences(change.token, _fields_of(change.token.required_type))


def differences(token: SoftwareToken, fields: Iterable[str]) -> list[Difference]:
    """In which of these fields the person is not who the token's snapshot says; none once that is emptied."""
    said: dict[str, str] = token.snapshot.get("person", {})
    now = snapshot.person_fields(token.person)
    return [
        Difference(field, field_name(field), said[field], now[field])
        for field in fields
        if field in said and said[field] != now[field]
    ]


def _fields_of(token_type: TokenType) -> list[str]:
    """HOLDER_FIELDS that certificates of this version of a type contain."""
    used = {
        name
        for profile in token_type.ordered_profiles()
        for name in profiles.needed_fields(profile.as_profile())
    }
    return [field for field in HOLDER_FIELDS if field in used]


def _news(person_ids: Collection[uuid.UUID]) -> Iterator[_Case]:
    active = TokenType.objects.active().order_by()
    care = dict(active.exclude(on_holder_change=HolderChangeRule.NOTHING).values_list("code", "pk"))
    rows = SoftwareToken.objects.in_use().filter(person__in=person_ids, token_type__isnull=False)
    tokens = list(rows.select_related("person", "request").order_by("pk"))
    changes = HolderChange.objects.filter(token__in=tokens).order_by("noticed_at", "pk")
    last = {change.token_id: change for change in changes}
    types = TokenType.objects.in_bulk({token.token_type_id for token in tokens})
    fields = {pk: _fields_of(token_type) for pk, token_type in types.items()}
    for token in tokens:
        differ = differences(token, fields[token.token_type_id]) if token.type_code in care else []
        case = _Case(token, last.get(token.pk), differ)
        if case.is_news:
            yield case


def _written(case: _Case, now: datetime) -> HolderChange:
    """The open row as it is now, or a new one; ended where nothing differs any more."""
    row = case.change
    if row is None or row.ended_at is not None:
        row = HolderChange(token=case.token, person=case.token.person)
    row.noticed_at = now
    if case.differences:
        row.fingerprint, row.started_at = case.fingerprint, None
    else:
        row.ended_at = now
    return row


def _event(case: _Case) -> AuditEvent:
    if not case.differences:
        return audit.event_about(audit.Event.HOLDER_CHANGE_UNDONE, actor=None, subject=case.token)
    fields = [difference.field for difference in case.differences]
    return audit.event_about(audit.Event.HOLDER_CHANGED, actor=None, subject=case.token, fields=fields)
