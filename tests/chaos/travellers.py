"""Persons who go the road from Enable to the noted passphrase, and do not give up when a page does not load.

Some then revoke their token, replace it, renew it, let it run out (the expiry check renews it), recover its
archived key, or have officers recover it (wishes.py).

Who stands where is read from the database before each step, so a step whose answer was lost is either there
or taken again; some clicks come twice at once. Half of the persons use the pages, the others the same verbs.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import QuerySet
from psycopg_pool import PoolTimeout

from identity_manager.demo.pages import NotOnThePageError
from identity_manager.demo.visitor import Visitor
from identity_manager.models import (
    ApprovalPolicy,
    Person,
    RequestKind,
    RequestState,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.transactions.refusals import Refused
from tests.chaos import wishes
from tests.chaos.visitors import PageDoesNotLoadError, Proxy
from tests.tools import cast

HANDS = 6  # steps that are taken at the same time
AT_ONCE = 60  # persons who are on the road at the same time, at least
AT_ONCE_OF = 25  # of so many one is: who waits for a fault to pass holds few others up, so long runs end
OPEN = 8  # times as many may be on it in all: workers that cannot follow make others wait
TWICE = 0.1  # of the clicks come twice
LOOK_SECONDS = 0.5
QUIET_SECONDS = 20
SOON_SECONDS = 40
# Type: profiles, CA, how many persons of a hundred get it.
TYPES = {
    "pair": (("signing", "encryption"), "corporate", 50),
    "elsewhere": (("elsewhere",), "elsewhere", 35),
    "silent": (("silent",), "silent", 15),
}
ARCHIVING = "archive"  # the type whose keys are recovered
DATABASE_TROUBLE = (DatabaseError, InterfaceError, PoolTimeout, OSError)
# UpdateError: a session that cannot be kept, because the database is away; who signs in begins anew.
TROUBLE = (
    *DATABASE_TROUBLE,
    UpdateError,
    PageDoesNotLoadError,
    NotOnThePageError,
    Refused,
    ObjectDoesNotExist,
)

Result = TypeVar("Result")


@dataclass
class Traveller:
    """One person with what they want; passphrases by token, as they were shown."""

    number: int
    person: Person
    code: str
    asks_self: bool
    by_pages: bool
    wish: str = wishes.KEEP
    passphrases: dict[uuid.UUID, str] = field(default_factory=dict)
    browser: Visitor | None = None


@dataclass(frozen=True)
class Standing:
    """Where a person's newest request stands in the database.

    pending: their tokens whose passphrase is not noted.  in_use: their tokens that are.  number: of requests.
    """

    request_id: uuid.UUID
    state: str
    kind: str
    pending: tuple[uuid.UUID, ...] = ()
    in_use: tuple[uuid.UUID, ...] = ()
    number: int = 1


@dataclass(frozen=True)
class Desk:
    """Who decides, and the types by code."""

    ada: Person
    paul: Person
    types: dict[str, TokenType]


def patiently(act: Callable[[], Result], *, seconds: float = 120) -> Result:
    """Do it, again and again while the database is not there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except DATABASE_TROUBLE:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def office() -> Desk:
    """The cast, and a token type for each CA; what a person asks for themselves needs an approval."""
    for code, (profiles, ca, _share) in TYPES.items():
        for name in profiles:
            cast.profile(name, ca=ca, ca_profile=name)
        cast.token_type(code, profiles=profiles, approval=ApprovalPolicy.SELF_REQUESTED, **wishes.RENEWAL)
    wishes.prepare_archive(ARCHIVING)
    types = {row.code: row for row in TokenType.objects.active()}
    return Desk(cast.person("ada"), cast.person("paul"), types)


def crowd(number: int, seed: int, cycle: Sequence[str]) -> list[Traveller]:
    """So many persons, with the wishes of the cycle in turn; the same seed, the same persons."""
    chance = random.Random(seed)  # noqa: S311 wishes, no secrets
    shares = [share for _profiles, _ca, share in TYPES.values()]
    codes = chance.choices(list(TYPES), shares, k=number)
    wanted = [cycle[each % len(cycle)] for each in range(number)]
    return [
        Traveller(
            each,
            cast.person(f"t{each:05}", roles=(Role.SELF_SERVICE_USER,), sid=f"S-1-5-21-4-5-6-{1000 + each}"),
            ARCHIVING if wanted[each] in wishes.ARCHIVES else codes[each],
            asks_self=chance.random() < 0.4,
            by_pages=chance.random() < 0.5,
            wish=wanted[each],
        )
        for each in range(number)
    ]


def standings(travellers: list[Traveller]) -> dict[uuid.UUID, Standing]:
    """Where each of them stands who has a request, by person."""
    ids = [traveller.person.pk for traveller in travellers]
    requests = TokenRequest.objects.filter(person__in=ids).order_by("created_at", "pk")
    tokens = SoftwareToken.objects.filter(person__in=ids)
    pending = _by_person(tokens.filter(state=TokenState.SEALED, acknowledged_at=None))
    in_use = _by_person(tokens.in_use().exclude(kind=RequestKind.RECOVERY))
    found: dict[uuid.UUID, Standing] = {}
    for person, request, state, kind in requests.values_list("person_id", "pk", "state", "kind"):
        number = found[person].number + 1 if person in found else 1
        theirs = pending.get(person, ()), in_use.get(person, ())
        found[person] = Standing(request, state, kind, *theirs, number)
    return found


def _by_person(tokens: QuerySet[SoftwareToken]) -> dict[uuid.UUID, tuple[uuid.UUID, ...]]:
    found: dict[uuid.UUID, tuple[uuid.UUID, ...]] = {}
    for person_id, token_id in tokens.order_by("pk").values_list("person_id", "pk"):
        found[person_id] = (*found.get(person_id, ()), token_id)
    return found


class Road:
    """Takes each traveller's next step, as many at a time as there are hands."""

    def __init__(self, travellers: list[Traveller], desk: Desk, proxy: Proxy) -> None:
        self.travellers = travellers
        self._desk = desk
        self._proxy = proxy
        self._hands = ThreadPoolExecutor(HANDS)
        self._under_way: dict[int, Future[None]] = {}
        self._officers: dict[str, Visitor] = {}
        self._officers_lock = threading.Lock()
        self._chance = random.Random(len(travellers))  # noqa: S311 clicks, no secrets
        self._open: list[Traveller] = []
        self._since: dict[tuple[uuid.UUID, str], float] = {}
        self._at_once = max(AT_ONCE, len(travellers) // AT_ONCE_OF)
        self._last_end = time.monotonic()
        self.ended = 0
        self.lively = 0

    @property
    def all_have_begun(self) -> bool:
        return self.ended + len(self._open) == len(self.travellers)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody goes on soon, and nobody has come to the end for a while."""
        return not self.lively and time.monotonic() - self._last_end > QUIET_SECONDS

    @property
    def still_open(self) -> int:
        """Those who have not come to the end, or have not begun."""
        return len(self.travellers) - self.ended

    def go_on(self) -> None:
        """Look where everybody stands, begin the steps that can be taken now, and let others come."""
        standing = patiently(lambda: standings(self._open))
        patiently(wishes.make_jobs_due)
        self.lively = 0
        for traveller in list(self._open):
            at = standing.get(traveller.person.pk)
            completed = at is not None and at.state == RequestState.COMPLETED
            if at is not None and completed and wishes.is_fulfilled(traveller.wish, at.number, at.in_use):
                self._open.remove(traveller)
                self.ended += 1
                self._last_end = time.monotonic()
                continue
            self.lively += self._is_lively(traveller, at)
            has_step = at is None or at.state in (*WAITS_FOR_US, RequestState.COMPLETED) or at.pending
            if self._is_free(traveller) and has_step:
                self._under_way[traveller.number] = self._hands.submit(self._step, traveller, at)
        begun = self.ended + len(self._open)
        room = min(self._at_once - self.lively, OPEN * self._at_once - len(self._open))
        self._open += self.travellers[begun : begun + max(0, room)]
        time.sleep(LOOK_SECONDS)

    def _is_lively(self, traveller: Traveller, at: Standing | None) -> bool:
        """Whether they go on soon. Who failed, or whose CA is silent, holds nobody else up."""
        if at is None or at.state in (*WAITS_FOR_US, RequestState.COMPLETED) or at.pending:
            return True
        since = self._since.setdefault((at.request_id, at.state), time.monotonic())
        return at.state in WAITS_FOR_WORKERS and time.monotonic() - since < SOON_SECONDS

    def _is_free(self, traveller: Traveller) -> bool:
        future = self._under_way.get(traveller.number)
        if future is not None and future.done():
            future.result()  # what nobody expected ends the run
        return future is None or future.done()

    def close(self) -> None:
        self._hands.shutdown()
        for future in self._under_way.values():
            future.result()

    def _step(self, traveller: Traveller, at: Standing | None) -> None:
        step = self._by_pages if traveller.by_pages else self._by_verbs
        if at is not None and at.state == RequestState.COMPLETED:
            step = self._fulfil
        if at is not None and at.state == RequestState.REQUESTED and at.kind == RequestKind.RECOVERY:
            step = self._decide_recovery
        twice = self._chance.random() < TWICE
        double = replace(traveller, browser=None)  # another window of the same person
        second = threading.Thread(target=self._tried, args=(step, double, at)) if twice else None
        if second is not None:
            second.start()
        self._tried(step, traveller, at)
        if second is not None:
            second.join()

    @staticmethod
    def _tried(
        step: Callable[[Traveller, Standing | None], None], traveller: Traveller, at: Standing | None
    ) -> None:
        """What did not work is seen at the next look, and tried again."""
        try:
            step(traveller, at)
        except TROUBLE:
            traveller.browser = None  # begins anew
        finally:
            connection.close()

    @staticmethod
    def _fulfil(traveller: Traveller, at: Standing | None) -> None:
        """What the person does with their token; twice, or once more after a lost answer, is refused."""
        if at is not None and not wishes.is_asked(traveller.wish, at.number):
            wishes.ACTS[traveller.wish](traveller.person, at.in_use)

    @staticmethod
    def _decide_recovery(_traveller: Traveller, at: Standing | None) -> None:
        if at is not None:
            wishes.decide_recovery(at.request_id)

    # --- by the verbs

    def _by_verbs(self, traveller: Traveller, at: Standing | None) -> None:
        person = traveller.person
        if at is None:
            token_type = self._desk.types[traveller.code]
            if traveller.asks_self:
                cast.asked(person, token_type)
            else:
                cast.enabled(self._desk.ada, person, token_type)
            return
        request = TokenRequest.objects.get(pk=at.request_id)
        if at.state == RequestState.REQUESTED:
            cast.approved(self._desk.paul, request)
        elif at.state == RequestState.AWAITING_ACCEPTANCE:
            cast.accepted(request)
        for token_id in at.pending:
            token = SoftwareToken.objects.select_related("person").get(pk=token_id)
            traveller.passphrases[token_id] = cast.shown(token)
            cast.noted(token)

    # --- by the pages

    def _by_pages(self, traveller: Traveller, at: Standing | None) -> None:
        label = self._desk.types[traveller.code].name.default
        if at is None and traveller.asks_self:
            self._browser(traveller).open("/my/request/")
            self._browser(traveller).press("Next", label)
        elif at is None:
            self._officer("ada", f"/persons/{traveller.person.pk}/enable/", "Next", label)
        elif at.state == RequestState.REQUESTED:
            self._officer("paul", f"/requests/{at.request_id}/", "Approve")
        elif at.state == RequestState.AWAITING_ACCEPTANCE:
            self._browser(traveller).open(f"/my/requests/{at.request_id}/terms/")
            self._browser(traveller).press("Accept", "I accept")
        for token_id in at.pending if at else ():
            self._note(traveller, token_id)

    def _note(self, traveller: Traveller, token_id: uuid.UUID) -> None:
        browser = self._browser(traveller)
        browser.open(f"/my/tokens/{token_id}/passphrase/")
        page = browser.press("Show passphrase")
        if page.outputs:
            traveller.passphrases[token_id] = page.outputs[0]
            browser.press("Confirm", "I have noted the passphrase")

    def _browser(self, traveller: Traveller) -> Visitor:
        if traveller.browser is None:
            traveller.browser = self._proxy.visitor(traveller.person)
        return traveller.browser

    def _officer(self, name: str, path: str, button: str, *checks: str) -> None:
        """One after the other: an officer has one browser. Signs in anew after trouble."""
        with self._officers_lock:
            try:
                if name not in self._officers:
                    self._officers[name] = self._proxy.visitor(getattr(self._desk, name))
                self._officers[name].open(path)
                self._officers[name].press(button, *checks)
            except TROUBLE:
                self._officers.pop(name, None)
                raise


WAITS_FOR_US = (RequestState.REQUESTED, RequestState.AWAITING_ACCEPTANCE)
WAITS_FOR_WORKERS = (RequestState.ISSUING, RequestState.ISSUED)
