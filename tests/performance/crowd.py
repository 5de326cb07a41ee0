"""A crowd to search in: as many persons as wanted, always the same ones, in every script of the demo.

Half of the surnames are common ones, the others are put together from syllables, so that there are names that
a hundred thousand persons have and names that nobody else has. Rows go into the table without its indexes,
which are made afterwards: a million persons in about two minutes instead of half an hour.
"""

import random
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db import connection, models, transaction

from ca_bridge.database import statistics
from identity_manager.demo.names import CULTURES, Culture, Name
from identity_manager.demo.organisation import DEPARTMENTS, UNITS
from identity_manager.models import Person, PersonKind, PersonState
from identity_manager.models.people.upn_key import upn_key
from identity_manager.models.person_search import matching as person_search
from identity_manager.models.person_search.text import fold

SEED = 20_260_401
BATCH = 5_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# Of a hundred persons.
RARE_SURNAMES, EXTERNAL, INACTIVE, REGISTERED = 50, 8, 4, 3
SYLLABLES = {
    "": "ba be bo da de do fa fe ga ge gu ha he ho ka ke ki ko la le li lo ma me mi mo na ne no pa pe po ra "
    "re ri ro sa se si so ta te ti to va ve vi vo wa we wi zu mann berg feld stein bach wald hof",
    "Ελένη": "πα κα μα λα σα τα ρα να γε δη θω λου που κος νης ρης",
    "Олена": "ка ма ра на ла бо во го до ко енко чук ский ова",
    "محمد": "با تا جا حا دا را سا شا عا فا كا لا ما نا وي ين",
}
UNIQUE = [each for each in Person._meta.constraints if isinstance(each, models.UniqueConstraint)]
COLUMNS = [field.column for field in Person._meta.concrete_fields]


@dataclass(frozen=True)
class Faces:
    """Somebody, as far as the search text goes: it asks for these fields and no others."""

    personnel_number: str
    given_name: str
    surname: str
    display_name: str
    email: str
    department: str


def fill(size: int) -> int:
    """Bring the table of persons up to that size; return how many were added."""
    there = Person.objects.filter(personnel_number__startswith="B").count()
    missing = size - there
    if missing > 0:
        with without_indexes():
            insert(islice(rows(), there, size))
    return max(missing, 0)


class without_indexes:  # noqa: N801 reads as a statement
    """The table of persons without its indexes, which are there again afterwards."""

    def __enter__(self) -> None:
        person_search.remove(connection)
        with connection.schema_editor() as editor:
            for index in Person._meta.indexes:
                editor.remove_index(Person, index)
            for constraint in UNIQUE:
                editor.remove_constraint(Person, constraint)

    def __exit__(self, *_: object) -> None:
        with connection.schema_editor() as editor:
            for index in Person._meta.indexes:
                editor.add_index(Person, index)
            for constraint in UNIQUE:
                editor.add_constraint(Person, constraint)
        person_search.install(connection)
        person_search.forget(connection)
        settle()


def settle() -> None:
    """What the installation's jobs and PostgreSQL's own do after a while."""
    statistics.analyze()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE identity_manager_person")


def insert(persons: Iterable[tuple[Any, ...]]) -> None:
    table = connection.ops.quote_name(Person._meta.db_table)
    names = ", ".join(connection.ops.quote_name(column) for column in COLUMNS)
    places = ", ".join(["%s"] * len(COLUMNS))
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 our own table
    persons = iter(persons)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            copy(cursor, f"COPY {table} ({names}) FROM STDIN", persons)
            return
        while batch := list(islice(persons, BATCH)):
            cursor.executemany(sql, batch)


def copy(cursor: Any, sql: str, persons: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(sql) as stream:
        for row in persons:
            stream.write_row(row)


def rows() -> Iterator[tuple[Any, ...]]:
    """The persons, without end: the first thousand are the first thousand of any million."""
    chance = random.Random(SEED)  # noqa: S311 names, no secrets
    weights = [each.weight for each in CULTURES]
    moment = BEGAN if connection.vendor == "postgresql" else "2026-01-01 00:00:00"
    number = 0
    while True:
        number += 1
        culture = chance.choices(CULTURES, weights)[0]
        faces = face(number, culture, chance)
        key = uuid.UUID(int=(0x0199 << 112) | (7 << 76) | (2 << 62) | number)
        values = {
            "id": key if connection.vendor == "postgresql" else key.hex,
            "personnel_number": faces.personnel_number,
            "given_name": faces.given_name,
            "surname": faces.surname,
            "display_name": faces.display_name,
            "email": faces.email,
            "upn": (upn := f"{faces.personnel_number.lower()}@corp.example.com"),
            "upn_key": upn_key(upn),
            "sid": f"S-1-5-21-9-9-9-{number}",
            "department": faces.department,
            "organisational_unit": chance.choice(tuple(UNITS)),
            "manager_id": None,
            "kind": PersonKind.EXTERNAL if chance.randrange(100) < EXTERNAL else PersonKind.EMPLOYEE,
            "language": culture.language,
            "time_zone": "Europe/Berlin",
            "source": "csv",
            "external_id": "",
            "state": state(chance.randrange(100)),
            "search_text": person_search.text_of(faces),  # type: ignore[arg-type]  # any row with these fields
            "entered_by_id": None,
            "created_at": moment,
            "updated_at": moment,
            "version": 0,
        }
        yield tuple(values[column] for column in COLUMNS)


def face(number: int, culture: Culture, chance: random.Random) -> Faces:
    given_name, surname = chance.choice(culture.given), surname_of(culture, chance)
    names = (
        [surname.native, given_name.native] if culture.surname_first else [given_name.native, surname.native]
    )
    return Faces(
        personnel_number=f"B{number:07}",
        given_name=given_name.native,
        surname=surname.native,
        display_name=culture.joint.join(names),
        email=f"{given_name.ascii}.{surname.ascii}{number}@example.com",
        department=chance.choice(DEPARTMENTS),
    )


def surname_of(culture: Culture, chance: random.Random) -> Name:
    if culture.joint == "" or chance.randrange(100) >= RARE_SURNAMES:
        return chance.choice(culture.surnames)
    syllables = _OF_CULTURE[culture.given[0].native]
    native = "".join(chance.choices(syllables, k=chance.randint(2, 4))).capitalize()
    ascii_form = fold(native)
    return Name(native, ascii_form if ascii_form.isascii() else "person")


def state(percent: int) -> PersonState:
    if percent < INACTIVE:
        return PersonState.INACTIVE
    return PersonState.REGISTERED if percent < INACTIVE + REGISTERED else PersonState.ACTIVE


_OF_CULTURE = {
    each.given[0].native: SYLLABLES.get(each.given[0].native, SYLLABLES[""]).split() for each in CULTURES
}
