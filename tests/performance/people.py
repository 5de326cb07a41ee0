"""Persons of the benchmarks, what is asked for them, and what they have."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from identity_manager.models import Certificate, Person, Role, SoftwareToken, TokenRequest, TokenType
from identity_manager.workflow import snapshot, step4_accept
from tests.tools import cast

TOKENS_END_IN = timedelta(days=20)


def officer() -> Person:
    """A Software Token Administrator of the demo."""
    return Person.objects.holding(Role.TOKEN_ADMINISTRATOR)[0]


def employees() -> QuerySet[Person]:
    """Active employees of the crowd, in its order."""
    crowd = Person.objects.filter(personnel_number__startswith="B")
    return crowd.filter(state="active", kind="employee").order_by("pk")


def named(name: str, *roles: Role) -> Person:
    """Somebody of the tests' cast with these roles, made where they are missing."""
    return Person.objects.filter(personnel_number=f"P-{name}").first() or cast.person(name, roles=roles)


def make(number: int) -> list[str]:
    """So many more Active persons, as rows alone; returns their ids."""
    run = uuid.uuid4().hex[:8]
    made = []
    for place in range(number):
        name = f"{run}-{place}"
        person = Person(
            personnel_number=name,
            given_name="Bulk",
            surname=name,
            display_name=f"Bulk {name}",
            email=f"{name}@example.com",
            upn=f"{name}@corp.example.com",
            language=("en", "de")[place % 2],
        )
        person.activate()
        person.search_text = person.compose_search_text()
        made.append(person)
    Person.objects.bulk_create(made, batch_size=500)
    return [str(person.pk) for person in made]


def give_tokens(person_ids: list[str], code: str) -> None:
    """Give each of them an active token of the type, as rows alone."""
    token_type = TokenType.objects.active().get(code=code)
    frame, profiles = snapshot.frame(token_type), token_type.ordered_profiles()
    persons = Person.objects.in_bulk(person_ids).values()
    requests = [
        TokenRequest(
            person=each, requested_by=each, origin="administrator", snapshot_hash="0" * 64, state="completed"
        )
        for each in persons
    ]
    tokens = [
        SoftwareToken(
            request=each,
            person=each.person,
            token_type=token_type,
            type_code=code,
            kind="initial",
            is_open=False,
            snapshot=frame.filled(each.person),
            state="active",
        )
        for each in requests
    ]
    ends = timezone.now() + TOKENS_END_IN
    certificates = [
        Certificate(token=each, profile=profile, position=position, state="valid", not_after=ends)
        for each in tokens
        for position, profile in enumerate(profiles)
    ]
    for model, rows in ((TokenRequest, requests), (SoftwareToken, tokens), (Certificate, certificates)):
        model._default_manager.bulk_create(rows, batch_size=500)


def enabled(person: Person, *codes: str) -> TokenRequest:
    """Step 1 for these token types, by an officer of the demo."""
    return cast.enabled(officer(), person, *TokenType.objects.active().filter(code__in=codes))


def first_requests(code: str, number: int) -> Iterator[TokenRequest]:
    """Requests of so many persons of the demo who have nothing yet, each made when it is asked for."""
    fresh = Person.objects.filter(state="active", kind="employee", tokens=None, account=None)
    for person in fresh.exclude(email="").exclude(upn="").order_by("pk")[:number]:
        yield enabled(person, code)


def texts_of(request: TokenRequest) -> list[Any]:
    """The texts that the person accepts, which are read before a clock runs."""
    return [version.text_in("en").pk for version in step4_accept.terms_of(request)]


def accept(request: TokenRequest, texts: list[Any]) -> None:
    """Step 4, the verb alone."""
    step4_accept.accept(
        actor=request.person, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=texts
    )
