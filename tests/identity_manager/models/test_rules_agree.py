"""Rules that stand in SQL and in Python: each pair says the same of every state that a row can be in.

Every combination of the columns that a rule reads is a row; the rows that the query finds must be those of
which the property says so. test_each_rule_is_compared.py has the rules that are asked in SQL alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations_with_replacement, count, product
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from ca_bridge.models import CaOrder
from identity_manager.models import (
    Account,
    Approval,
    AskedApprover,
    Certificate,
    CertificateProfile,
    CertificateState,
    Container,
    DeliveryProblem,
    DeliveryState,
    Deputy,
    IdentityChange,
    Person,
    PersonState,
    Postponement,
    RequestKind,
    RequestState,
    Role,
    RoleAssignment,
    SignInCode,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.people.role import today
from identity_manager.models.people.sign_in_code import oldest
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.queries import decisions, request_progress, selfservice_pages
from identity_manager.queries.request_progress import Became
from identity_manager.workflow.delivery import arrival
from identity_manager.workflow.people import sign_in_code_policy
from identity_manager.workflow.people.sign_in_code_policy import Stage
from identity_manager.workflow.policy import approvers
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
NOW = timezone.now()
FIELDS = ("person__state", "requested_by__state")
TIMES = (None, NOW - timedelta(days=1), NOW, NOW + timedelta(days=1))
PAST = (None, NOW - timedelta(days=1))
YES_NO = (False, True)


@dataclass(frozen=True)
class Pair:
    """One rule: as a query on all rows, and as a question to one row."""

    sql: Callable[[Any], Any]
    python: Callable[[Any], bool]


def combined(columns: Mapping[str, Iterable[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values."""
    for values in product(*columns.values()):
        yield dict(zip(columns, values, strict=True))


def differ(pair: Pair, rows: models.QuerySet[Any]) -> list[dict[str, Any]]:
    """Where the two say different things, as the columns of the row."""
    found = set(pair.sql(type(rows.model._default_manager.all())(rows.model)).values_list("pk", flat=True))
    return [
        {key: value for key, value in vars(row).items() if value not in (None, "", b"")}
        for row in rows
        if (row.pk in found) != bool(pair.python(row))
    ]


def assert_agree(pairs: Mapping[str, Pair], rows: models.QuerySet[Any]) -> None:
    for name, pair in pairs.items():
        assert differ(pair, rows)[:1] == [], name


def persons() -> dict[str, Person]:
    return {state: cast.person(f"in-{state}", state=state, sid="", roles=()) for state in PersonState.values}


REQUESTS = {
    "open": Pair(lambda rows: rows.open(), lambda row: row.is_open),
    "undecided": Pair(lambda rows: rows.undecided(), lambda row: row.is_undecided),
    "awaiting_decision": Pair(lambda rows: rows.awaiting_decision(), lambda row: row.awaits_decision),
    "unaccepted": Pair(lambda rows: rows.unaccepted(), lambda row: row.is_unaccepted),
    "awaiting_acceptance": Pair(lambda rows: rows.awaiting_acceptance(), lambda row: row.awaits_acceptance),
    "overdue": Pair(lambda rows: rows.overdue(NOW), lambda row: row.is_overdue(NOW)),
    "stopped": Pair(lambda rows: rows.stopped(), lambda row: row.is_stopped),
}


@pytest.fixture
def requests(db: None) -> models.QuerySet[TokenRequest]:
    ada, references = cast.person("ada"), count()
    columns = {
        "state": RequestState.values,
        "kind": (RequestKind.INITIAL, RequestKind.RECOVERY),
        "person": persons().values(),
        "stopped_at": PAST,
        "accept_before": TIMES,
        "office_told_at": PAST,
    }
    TokenRequest.objects.bulk_create(
        TokenRequest(reference=f"R{next(references)}", requested_by=ada, origin="administrator", **each)
        for each in combined(columns)
    )
    return TokenRequest.objects.select_related("person")


def test_requests(requests: models.QuerySet[TokenRequest]) -> None:
    assert_agree(REQUESTS, requests)


def test_own_pages_count_what_they_list(requests: models.QuerySet[TokenRequest]) -> None:
    """Each open request is in one list at most, and the number on the tab is that of the first."""
    for person in Person.objects.filter(pk__in=requests.values("person")):
        to_accept, going_on = selfservice_pages.open_requests(person)
        waiting, under_way = {row.pk for row in to_accept}, {row.pk for row in going_on}
        assert waiting == {row.pk for row in requests.filter(person=person) if row.awaits_acceptance}
        assert selfservice_pages.waiting(person.pk).total() == len(waiting)
        assert not waiting & under_way
        accepting = requests.filter(person=person, state=RequestState.AWAITING_ACCEPTANCE)
        assert set(accepting.values_list("pk", flat=True)) <= waiting | under_way


TOKENS = {
    "with_unacknowledged_passphrase": Pair(
        lambda rows: rows.with_unacknowledged_passphrase(), lambda row: row.has_unacknowledged_passphrase
    ),
    "to_be_noted": Pair(lambda rows: rows.to_be_noted(), lambda row: row.is_to_be_noted),
    "overdue": Pair(lambda rows: rows.overdue(NOW), lambda row: row.is_overdue(NOW)),
    "awaiting_installation": Pair(
        lambda rows: rows.awaiting_installation(), lambda row: row.awaits_installation
    ),
    "to_be_fetched": Pair(lambda rows: rows.to_be_fetched(), lambda row: row.is_to_be_fetched),
    "in_use": Pair(lambda rows: rows.in_use(), lambda row: row.is_in_use),
    "visible_under_certificates": Pair(
        lambda rows: rows.visible_under_certificates(), lambda row: row.is_visible_under_certificates
    ),
    "with_has_files": Pair(
        lambda rows: rows.with_has_files().filter(has_files=True), lambda row: row.containers.exists()
    ),
    "with_type_name": Pair(
        lambda rows: rows.with_type_name().filter(type_name__isnull=False),
        lambda row: row.token_type is not None,
    ),
}


def _request(company: cast.Company, number: int, **columns: Any) -> TokenRequest:
    """One that is not saved."""
    return TokenRequest(
        **{"reference": f"N{number}", "requested_by": company.ada, "origin": "administrator", **columns}
    )


def _token(company: cast.Company, number: int, *, request: TokenRequest, **columns: Any) -> SoftwareToken:
    """One that is not saved, of a type of its own."""
    own = {"person": request.person, "token_type": company.vpn, "type_code": f"t{number}", "snapshot": {}}
    return SoftwareToken(**{"request": request, "is_open": False, **own, **columns})


def test_tokens() -> None:
    company, numbers = cast.Company(), count()
    request = company.request_in("awaiting_acceptance")
    columns = {
        "state": TokenState.values,
        "passphrase_wrapped": (None, b"wrapped"),
        "passphrase_destroy_at": TIMES,
        "delivery": DeliveryState.values,
        "installed_at": PAST,
    }
    with_files, without = (
        SoftwareToken.objects.bulk_create(
            _token(
                company,
                next(numbers),
                request=request,
                acknowledged_at=None if each["passphrase_wrapped"] else NOW,
                **each,
            )
            for each in combined(columns)
        )
        for _files in YES_NO
    )
    certificates = Certificate.objects.bulk_create(
        Certificate(token=token, profile=cast.profile("client")) for token in with_files
    )
    Container.objects.bulk_create(
        Container(token=each.token, certificate=each, format="standard", file_name="f", content=b"c")
        for each in certificates
    )
    rows = SoftwareToken.objects.filter(pk__in=[row.pk for row in (*with_files, *without)])
    assert_agree(TOKENS, rows)


def test_tokens_that_are_held_or_finished() -> None:
    company, numbers = cast.Company(), count()
    request = company.request_in("awaiting_acceptance")
    SoftwareToken.objects.bulk_create(
        _token(company, next(numbers), request=request, **each)
        for each in combined({"state": TokenState.values, "is_open": YES_NO})
    )
    pairs = {
        "finished": Pair(lambda rows: rows.finished(), lambda row: row.is_finished),
        "held": Pair(lambda rows: rows.held(), lambda row: row.is_open or row.state in IN_USE),
    }
    assert_agree(pairs, SoftwareToken.objects.all())


def test_revocable_tokens() -> None:
    """Of each state, with a certificate of each state, decided or not, for each kind of reason."""
    company, numbers = cast.Company(), count()
    request = company.request_in("awaiting_acceptance")
    columns = {
        "state": CertificateState.values,
        "revocation_decided_at": PAST,
        "revocation_reason": ("", "superseded", "keyCompromise"),
    }
    profile = cast.profile("client")
    for state, each in product(TokenState.values, combined(columns)):
        token = _token(company, next(numbers), request=request, state=state)
        token.save(force_insert=True)
        Certificate.objects.bulk_create([Certificate(token=token, profile=profile, **each)])
    pair = Pair(lambda rows: rows.revocable(), lambda row: row.is_revocable)
    assert_agree({"revocable": pair}, SoftwareToken.objects.all())


def test_what_became_of_requests() -> None:
    """A request came to nothing for its person and for officers alike, with up to two tokens of any state."""
    company, numbers = cast.Company(), count()
    lines = [(state, out) for state in TokenState.values for out in (None, company.paul)]
    groups = [(), *((each,) for each in lines), *combinations_with_replacement(lines, 2)]
    for state in (RequestState.ISSUED, RequestState.COMPLETED):
        requests = TokenRequest.objects.bulk_create(
            _request(company, next(numbers), person=company.uma, state=state) for _group in groups
        )
        SoftwareToken.objects.bulk_create(
            _token(company, next(numbers), request=request, state=state, taken_out_by=taken_out_by)
            for request, group in zip(requests, groups, strict=True)
            for state, taken_out_by in group
        )
    pairs = {
        "lapsed": Pair(
            lambda rows: rows.filter(request_progress.condition(Became.LAPSED)), lambda row: row.lapsed_unused
        ),
        "cancelled": Pair(
            lambda rows: rows.filter(request_progress.condition(Became.CANCELLED)),
            lambda row: row.came_to_nothing and not row.lapsed_unused,
        ),
    }
    assert_agree(pairs, TokenRequest.objects.prefetch_related("tokens"))


def test_who_is_asked_and_who_has_postponed() -> None:
    """Of the present round and of another, by the approver and by others, before and after its time."""
    ada, rex, eve = (cast.person(name, roles=(), sid="") for name in ("ada", "rex", "eve"))
    numbers = count()
    columns = {
        "asked_in": (1, 2),
        "answer": (None, *product((1, 2), (rex, eve), ("approved", "rejected"))),
        "postponed": (None, *product((1, 2), (rex, eve), TIMES[1:])),
    }
    for each in combined(columns):
        row = TokenRequest.objects.create(
            reference=f"A{next(numbers)}", person=ada, requested_by=ada, origin="administrator", round=2
        )
        row.asked_approvers.create(
            round=each["asked_in"], approver=rex, level="first", asked_at=NOW, waits_from=NOW
        )
        if each["answer"]:
            number, approver, decision = each["answer"]
            row.approvals.create(round=number, approver=approver, decision=decision)
        if each["postponed"]:
            number, approver, until = each["postponed"]
            row.postponements.create(round=number, approver=approver, until=until)
    pairs = {
        "postponed_by": Pair(
            lambda rows: rows.postponed_by(rex.pk, NOW), lambda row: rex.pk in row.postponers(NOW)
        ),
        "not_postponed_by": Pair(
            lambda rows: rows.not_postponed_by(rex.pk, NOW), lambda row: rex.pk not in row.postponers(NOW)
        ),
        "unanswered": Pair(
            lambda rows: rows.filter(asked_approvers__in=AskedApprover.objects.unanswered()),
            lambda row: bool(row.waits_for),
        ),
    }
    assert_agree(
        pairs, TokenRequest.objects.prefetch_related("asked_approvers", "approvals", "postponements")
    )


CERTIFICATES = {
    "usable": Pair(lambda rows: rows.usable(), lambda row: row.is_usable),
    "parked": Pair(lambda rows: rows.parked(), lambda row: row.is_parked),
    "awaited": Pair(lambda rows: rows.awaited(), lambda row: row.state == "ordered" and not row.is_parked),
    "to_be_revoked": Pair(lambda rows: rows.to_be_revoked(), lambda row: row.revocation_waits),
    "to_be_revoked_by_hand": Pair(
        lambda rows: rows.to_be_revoked_by_hand(NOW), lambda row: row.is_to_be_revoked_by_hand(NOW)
    ),
    "to_be_held_or_released": Pair(lambda rows: rows.to_be_held_or_released(), lambda row: row.hold_is_due),
    "may_outlive_token": Pair(lambda rows: rows.may_outlive_token(), lambda row: row.may_outlive_token),
}


def test_certificates() -> None:
    company, numbers = cast.Company(), count()
    token = company.request_in("awaiting_acceptance").tokens.get()
    SoftwareToken.objects.update(acknowledged_at=NOW)
    CertificateProfile.objects.update(purpose="encryption")
    columns = {
        "state": CertificateState.values,
        "not_after": TIMES,
        "revocation_decided_at": PAST,
        "by_hand_since": PAST,
        "hold_wanted": YES_NO,
        "held_at_ca": YES_NO,
    }
    orders = {"state": CertificateState.values, "order": (None, _order(0), _order(1))}
    with_orders = [
        {**each, "order": each["order"] and _order(next(numbers), like=each["order"])}
        for each in combined(orders)
    ]
    CaOrder.objects.bulk_create(each["order"] for each in with_orders if each["order"])
    states = [*combined(columns), *with_orders]
    profiles = CertificateProfile.objects.bulk_create(
        CertificateProfile(
            code=f"p{next(numbers)}", purpose="authentication", subject=[], key_usage=[], name="P"
        )
        for _each in states
    )
    Certificate.objects.bulk_create(
        Certificate(token=token, profile=profile, **each)
        for profile, each in zip(profiles, states, strict=True)
    )
    assert_agree(CERTIFICATES, Certificate.objects.select_related("order"))


def test_certificates_that_are_ordered() -> None:
    """Wanted, to be issued or orphaned: of each state of request, person, token and certificate."""
    company, numbers = cast.Company(), count()
    profile, people = cast.profile("client"), persons().values()
    requests = TokenRequest.objects.bulk_create(
        _request(company, next(numbers), person=person, state=state)
        for person, state in product(people, RequestState.values)
    )
    tokens = SoftwareToken.objects.bulk_create(
        _token(company, next(numbers), request=request, state=state)
        for request, state, _order in product(requests, TokenState.values, YES_NO)
    )
    ordered = {token: _order(next(numbers)) for token in tokens[1::2]}
    CaOrder.objects.bulk_create(ordered.values())
    Certificate.objects.bulk_create(
        Certificate(token=token, profile=profile, order=ordered.get(token)) for token in tokens
    )
    Certificate.objects.filter(token__in=tokens[::7]).update(state=CertificateState.REFUSED)
    pairs = {
        "to_be_issued": Pair(lambda rows: rows.to_be_issued(), lambda row: row.is_to_be_issued),
        "with_orphaned_order": Pair(
            lambda rows: rows.with_orphaned_order(),
            lambda row: row.state == "ordered" and row.order_id is not None and not row.is_wanted,
        ),
    }
    assert_agree(pairs, Certificate.objects.select_related("token__request__person"))


def _order(number: int, *, like: CaOrder | None = None) -> CaOrder:
    """One that is parked, or like another one."""
    return CaOrder(
        idempotency_key=f"order-{number}",
        ca="corporate",
        csr=b"csr",
        content={},
        public_key_sha256=number.to_bytes(32, "big"),
        not_before=NOW,
        not_after=NOW,
        parked_at=like.parked_at if like else (NOW if number else None),
    )


def test_roles() -> None:
    """Who holds a role by the query holds it by their record: by state, unit, first and last day."""
    day = today()
    days = (None, day - timedelta(days=1), day, day + timedelta(days=1))
    numbers = count()
    for state, unit, first, last in product(PersonState.values, ("", "Nord", "Süd"), days, days):
        if first and last and last < first:
            continue
        row = cast.person(f"h{next(numbers)}", state=state, roles=(), sid="")
        RoleAssignment.objects.create(
            person=row, role=Role.APPROVER, organisational_unit=unit, valid_from=first, valid_until=last
        )
    for role, unit in product((Role.APPROVER, Role.AUDITOR), ("", "Nord", "Ost")):
        found = set(Person.objects.holding(role, unit=unit))
        holders = {row for row in Person.objects.all() if row.is_active and row.has_role(role, unit=unit)}
        assert found == holders
        assert bool(found) == (role == Role.APPROVER)


def test_sign_in_codes() -> None:
    """A code waits, can be made, is usable and opens something, as its stage says."""
    rita, ruth = (cast.person(name, roles=(Role.REGISTRATION_OFFICER,), sid="") for name in ("rita", "ruth"))
    columns = {
        "asked_at": (NOW, oldest(NOW) - timedelta(minutes=1)),
        "needs_confirmation": YES_NO,
        "decided_by": (None, ruth),
        "made_at": PAST,
        "expires_at": TIMES,
        "used_at": PAST,
        "withdrawn_at": PAST,
    }
    numbers = count()
    codes: list[tuple[Person, bool | None, SignInCode]] = []
    for state, account, each in product(PersonState.values, (None, False, True), combined(columns)):
        if each["decided_by"] and not each["needs_confirmation"]:
            continue
        name = f"c{next(numbers)}"
        person = Person(personnel_number=name, given_name=name, surname=name, display_name=name, email=name)
        person.__dict__["state"] = state
        codes.append((person, account, SignInCode(person=person, asked_by=rita, **each)))
    Person.objects.bulk_create(person for person, _account, _code in codes)
    Account.objects.bulk_create(
        Account(username=person.personnel_number, person=person, is_active=account)
        for person, account, _code in codes
        if account is not None
    )
    _some_have_signed_in_or_hold_a_role(codes)
    SignInCode.objects.bulk_create(code for _person, _account, code in codes)
    stages = sign_in_code_policy
    pairs = {
        "waiting": Pair(lambda rows: rows.waiting(NOW), lambda row: row.waits(NOW)),
        "usable": Pair(lambda rows: rows.usable(NOW), lambda row: stages.stage_of(row) == Stage.MADE),
        "opening": Pair(
            lambda rows: rows.opening(NOW),
            lambda row: (
                stages.stage_of(row) in (Stage.MADE, Stage.USED)
                or (stages.stage_of(row) == Stage.OVERTAKEN and _is_running(row))
            ),
        ),
        "makeable": Pair(
            lambda _rows: stages.makeable_by(rita, NOW),
            lambda row: stages.stage_of(row) == Stage.READY and stages.obstacle(rita, row.person) is None,
        ),
        "confirmable": Pair(
            lambda _rows: SignInCode.objects.decidable_by(ruth, NOW),
            lambda row: (
                stages.stage_of(row) == Stage.WAITING
                and stages.person_obstacle(row.person) is None
                and row.deciding_exclusion(ruth) is None
            ),
        ),
    }
    rows = SignInCode.objects.select_related("person__account", "decided_by")
    assert_agree(pairs, rows)


def _is_running(code: SignInCode) -> bool:
    return bool(code.made_at and code.expires_at and code.expires_at > timezone.now())


def _some_have_signed_in_or_hold_a_role(codes: list[tuple[Person, bool | None, SignInCode]]) -> None:
    """Of each third, the first signs in, the second becomes an officer; so codes are overtaken."""
    signed_in = [person.pk for person, account, _code in codes[::3] if account is not None]
    Account.objects.filter(person__in=signed_in).update(last_login=NOW)
    RoleAssignment.objects.bulk_create(
        RoleAssignment(person=person, role=Role.AUDITOR) for person, _account, _code in codes[1::3]
    )


def test_who_decides_on_requests() -> None:
    """The queue, the refusal, who is asked and who is named agree on each approver."""
    ada, rex = cast.person("ada"), cast.person("rex", roles=(Role.APPROVER,), sid="")
    names = ("plain", "entered", "coded", "confirmed")
    people = [rex, *(cast.person(name, roles=(), sid="") for name in names)]
    Person.objects.filter(pk=people[2].pk).update(entered_by=rex)
    SignInCode.objects.create(person=people[3], asked_by=rex, needs_confirmation=False, used_at=NOW)
    IdentityChange.objects.bulk_create(
        [IdentityChange(person=people[4], asked_by=ada, old={}, new={}, state="confirmed", decided_by=rex)]
    )
    numbers, decided = count(), []
    for person, asker, sender, approved_in in product(people, (ada, rex), (None, ada, rex), (None, 1, 2)):
        row = TokenRequest(
            reference=f"D{next(numbers)}",
            person=person,
            requested_by=asker,
            origin="administrator",
            approvals_needed=2,
            round=2,
            round_started_by=sender,
        )
        decided.append((row, approved_in))
    TokenRequest.objects.bulk_create(row for row, _approved_in in decided)
    Approval.objects.bulk_create(
        Approval(request=row, round=number, approver=rex, decision="approved")
        for row, number in decided
        if number
    )
    rows = TokenRequest.objects.select_related("person", "requested_by")
    pairs = {
        "decidable_by": Pair(
            lambda rows: rows.decidable_by(rex), lambda row: approvers.decision_obstacle(rex, row) is None
        ),
        "approvers": Pair(
            lambda rows: rows.decidable_by(rex), lambda row: rex in approvers.undecided_approvers(row)
        ),
        "asked_for_by": Pair(lambda rows: rows.asked_for_by(rex), lambda row: row.was_asked_for_by(rex)),
    }
    assert_agree(pairs, rows)
    # The only ones: for the plain person, asked for and sent round by others, not decided in this round.
    assert TokenRequest.objects.decidable_by(rex).count() == 4
    for officer in (rex, ada):
        waiting = TokenRequest.objects.awaiting_decision().decidable_by(officer)
        waiting = list(waiting.order_by("created_at", "pk"))
        assert decisions.first(officer.pk, NOW, today(), fields=FIELDS, at_most=5) == waiting[:5]
        assert decisions.number(officer.pk, NOW, today(), at_most=3) == min(len(waiting), 3)
        assert decisions.number(officer.pk, NOW, today(), at_most=500) == len(waiting)


def test_who_decides_on_delivery_problems() -> None:
    """Nobody on their own, nor on one of a person for whom they vouched."""
    company, names = cast.Company(), ("plain", "entered", "coded", "overtaken", "ended", "confirmed")
    ada, people = company.ada, {name: cast.person(name, roles=(), sid="") for name in names}
    Person.objects.filter(pk=people["entered"].pk).update(entered_by=ada)
    codes = {
        "coded": {"used_at": NOW},
        "overtaken": {"made_at": NOW, "expires_at": NOW + timedelta(days=1)},
        "ended": {"made_at": NOW, "expires_at": NOW - timedelta(days=1)},
    }
    for name, columns in codes.items():
        SignInCode.objects.create(person=people[name], asked_by=ada, needs_confirmation=False, **columns)
    IdentityChange.objects.bulk_create(
        [IdentityChange(person=people["confirmed"], old={}, new={}, state="confirmed", decided_by=ada)]
    )
    for number, person in enumerate((ada, *people.values())):
        request = _request(company, number, person=person, state=RequestState.COMPLETED)
        request.save(force_insert=True)
        token = _token(company, number, request=request, state=TokenState.ACTIVE, delivery=DeliveryState.SENT)
        token.save(force_insert=True)
        DeliveryProblem.objects.create(token=token, kind="not-arrived", opened_at=NOW)
    Person.objects.filter(pk=people["plain"].pk).update(organisational_unit="berlin")
    berlin = cast.person("berta", sid="", roles=())
    berlin.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="berlin")
    away = cast.person("alva", sid="", roles=(Role.TOKEN_ADMINISTRATOR,), state=PersonState.INACTIVE)
    numbers = {ada: 2, berlin: 1, away: 0, cast.person("otto", sid="", roles=(Role.APPROVER,)): 0}
    for actor, number in numbers.items():  # of plain and ended
        pair = Pair(
            lambda rows, actor=actor: rows.decidable_by(actor, NOW),
            lambda row, actor=actor: arrival.decision_obstacle(actor=actor, problem=row) is None,
        )
        assert_agree({"decidable_by": pair}, DeliveryProblem.objects.select_related("token__person"))
        assert DeliveryProblem.objects.decidable_by(actor, NOW).count() == number


def test_a_prepared_decision_goes_by_the_moment_of_each_call() -> None:
    """Its SQL is compiled once: nothing of the first call's time may stay in it."""
    ada, rex = cast.person("ada"), cast.person("rex", roles=(Role.APPROVER,), sid="")
    dora = cast.person("dora", roles=(Role.APPROVER,), sid="")
    row = TokenRequest.objects.create(
        reference="D1", person=cast.person("uma", roles=(), sid=""), requested_by=ada, origin="administrator"
    )
    Postponement.objects.create(request=row, round=1, approver=rex, until=NOW + timedelta(days=2))

    def number(*, days: int, officer: Person = rex) -> int | None:
        moment, day = NOW + timedelta(days=days), today() + timedelta(days=days)
        return decisions.number(officer.pk, moment, day, at_most=7)

    assert [number(days=days) for days in (1, 3, 1)] == [0, 1, 0]
    # Who was rex's deputy on that day has decided, so rex does not; on another day they are not.
    Approval.objects.create(request=row, round=1, approver=dora, decision="approved")
    Deputy.objects.create(
        principal=rex,
        deputy=dora,
        valid_from=today() + timedelta(days=4),
        valid_until=today() + timedelta(days=5),
        assigned_by=ada,
    )
    assert [number(days=days) for days in (3, 4, 6)] == [1, 0, 1]
