"""Connector calls for a group of placements: each ends with one outcome, and no call is repeated blindly.

A placement that was *intended* before this worker claimed the target is looked up first: the worker before
may have died between the call and its settlement.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone
from django.utils.translation import gettext as _

from identity_manager.models import Placement
from identity_manager.targets import connectors
from identity_manager.targets.contract import (
    Connector,
    Doubtful,
    Item,
    NoPlace,
    Presence,
    Put,
    Refused,
    TargetError,
    Unavailable,
)
from identity_manager.targets.keys_stay import of_another_kind
from identity_manager.workflow.targets import handover

logger = logging.getLogger(__name__)
SECONDS = 40  # with one more call that times out (at most 120 seconds) shorter than the lease of a target


class CallOutcome(StrEnum):
    """Outcome of a connector call. DOUBTFUL: will be looked up. UNKNOWN: cannot be looked up, is parked."""

    LOCATED = "located"
    ADDED = "added"
    WAS_THERE = "was-there"
    REMOVED = "removed"
    NOT_DONE = "not-done"
    NO_PLACE = "no-place"
    REFUSED = "refused"
    KEY_CLOSED = "key-closed"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class PlacementCall:
    """A placement as it was read, and the progress of its call.

    place, mark: its entry at the target, and its id in a survey. predecessor: the placement of the renewed
    token, if it is at the target. swapped: whether the put replaced the predecessor. words: of an error.
    opener: of the whole group.
    """

    row: Placement
    was_intended: bool
    opener: handover.ParcelOpener
    predecessor: Placement | None = None
    place: str = ""
    mark: str = ""
    swapped: bool = False
    outcome: CallOutcome | None = None
    words: str = ""

    @cached_property
    def item(self) -> Item:
        """Certificate for the connector, with the sealed key if the placement carries one.

        Raises ParcelClosed, Unavailable; Refused if the settings now say that the target takes no keys: the
        key would count as arrived.
        """
        configuration = connectors.configuration_of(self.row.target.name)
        if self.row.carries_key and configuration is not None and not configuration.takes_keys:
            raise of_another_kind()
        return Item(self.row.certificate.der, self.opener.open(self.row))

    def end(self, outcome: CallOutcome, error: TargetError | None = None) -> None:
        self.outcome = outcome
        if error is not None:
            self.words = error.words
            logger.info("Target %s, placement %s: %s: %s", self.row.target_id, self.row.pk, outcome, error)


def locate(connector: Connector, works: Iterable[PlacementCall], *, identity: str) -> Unavailable | None:
    """Locate the entries of placements to be put; return the error if the target is down.

    After SECONDS no further one is located: those have no outcome.
    """
    until = time.monotonic() + SECONDS
    for work in works:
        if time.monotonic() >= until:
            return None
        value = str(getattr(work.row.certificate.token.person, identity))
        down = _outcome_of(work, partial(_locate, connector, work, value), doubt=CallOutcome.NO_PLACE)
        if down is not None:
            return down
    return None


def call(connector: Connector, works: Iterable[PlacementCall]) -> Unavailable | None:
    """Put or take back each placement; return the error if the target is down: the rest is not done then.

    Nor is what has not begun after SECONDS.
    """
    down: Unavailable | None = None
    until = time.monotonic() + SECONDS
    for work in works:
        in_time = time.monotonic() < until
        if down is None and in_time:
            down = _outcome_of(work, partial(_call, connector, work), doubt=CallOutcome.DOUBTFUL)
        if down is not None or not in_time:
            # What another worker had intended stays in doubt until it can be looked up.
            work.end(CallOutcome.DOUBTFUL if work.was_intended else CallOutcome.NOT_DONE, down)
    return down


def _outcome_of(
    work: PlacementCall, act: Callable[[], CallOutcome], *, doubt: CallOutcome
) -> Unavailable | None:
    """Run one call and set its outcome; return Unavailable instead of raising it.

    doubt: the outcome if it is unknown whether the call had an effect.
    """
    try:
        work.end(act())
    except Unavailable as error:
        return error
    except handover.ParcelClosed as error:
        work.end(CallOutcome.KEY_CLOSED, error)
    except NoPlace as error:
        work.end(CallOutcome.NO_PLACE, error)
    except Refused as error:
        work.end(CallOutcome.REFUSED, error)
    except Doubtful as error:
        work.end(doubt, error)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.exception("Target %s: placement %s", work.row.target_id, work.row.pk)
        work.end(doubt, Doubtful(type(error).__name__))
    return None


def _locate(connector: Connector, work: PlacementCall, identity: str) -> CallOutcome:
    if not identity:
        raise NoPlace(_("The person has nothing to be found by."))
    item = work.item  # first: what cannot be opened needs no call
    work.place, mark = connector.locate(identity), connector.mark(item)
    work.mark = mark if mark != work.row.certificate.fingerprint_sha256 else ""
    return CallOutcome.LOCATED


def _call(connector: Connector, work: PlacementCall) -> CallOutcome:
    row, place = work.row, work.place or work.row.place
    if work.was_intended:
        presence = connector.look(place, work.item)
        if presence == Presence.UNKNOWN:
            return CallOutcome.UNKNOWN
        if row.carries_key and not row.wanted:  # keys are never taken back
            return CallOutcome.NOT_DONE if presence == Presence.ABSENT else CallOutcome.ADDED
        if presence == (Presence.THERE if row.wanted else Presence.ABSENT):
            return CallOutcome.ADDED if row.wanted else CallOutcome.REMOVED
    if row.wanted:
        if (
            row.carries_key
            and not Placement.objects.to_be_published(timezone.now()).filter(pk=row.pk).exists()
        ):
            return CallOutcome.NOT_DONE  # revoked or held since the group was read; keys are never taken back
        return _put(connector, work, place)
    connector.take_back(place, work.item)
    return CallOutcome.REMOVED


def _put(connector: Connector, work: PlacementCall, place: str) -> CallOutcome:
    old = work.predecessor if work.predecessor and work.predecessor.place == place else None
    put = connector.put(place, work.item, instead_of=Item(old.certificate.der) if old else None)
    if put == Put.WAS_THERE:
        return CallOutcome.WAS_THERE
    if put == Put.UNSEEN:
        return CallOutcome.UNKNOWN
    work.swapped = old is not None
    return CallOutcome.ADDED
