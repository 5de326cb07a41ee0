"""Release 1.0 writes an English and a German column, ours writes texts in languages: both say the same."""

from typing import Any

import pytest
from django.db import connection

from identity_manager.models import CertificateProfile, TermsDocument, TokenType
from identity_manager.models.catalogue import former_columns
from identity_manager.models.catalogue.former_columns import REPLACED
from identity_manager.models.text_in_languages import Texts
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
TABLES = {model._meta.db_table: model for model in (TokenType, CertificateProfile, TermsDocument)}


@pytest.fixture(params=REPLACED, ids=lambda each: f"{each.table}-{each.texts}")
def place(request: pytest.FixtureRequest) -> "Place":
    cast.token_type()
    return Place(request.param)


class Place:
    """A column of texts and those of release 1.0, in one row."""

    def __init__(self, replaced: former_columns.Replaced) -> None:
        self.replaced = replaced
        self.model: Any = TABLES[replaced.table]
        self.row = self.model.objects.get()
        self.field = next(each.name for each in self.model._meta.fields if each.column == replaced.texts)

    def former(self) -> tuple[str, str]:
        """English and German, as release 1.0 reads them."""
        names = f"{self.replaced.english}, {self.replaced.german}"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {names} FROM {self.replaced.table}")  # noqa: S608 our own names
            found: tuple[str, str] = cursor.fetchone()
        return found

    def write_former(self, **values: str) -> None:
        """As release 1.0 does: it knows nothing of the texts."""
        columns = ", ".join(f"{name} = %s" for name in values)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self.replaced.table} SET {columns}", list(values.values()))  # noqa: S608 our own names

    def texts(self) -> dict[str, str]:
        return dict(getattr(self.model.objects.get(), self.field))

    def write(self, **texts: str) -> None:
        """As the product does: the whole row is saved."""
        row = self.model.objects.get()
        setattr(row, self.field, texts)
        row.save()


def test_a_new_row_is_there_for_release_1_0(place: Place) -> None:
    assert place.former() == (place.texts()["en"], "")


def test_what_we_write_is_read_by_release_1_0(place: Place) -> None:
    place.write(en="Network", de="Netz", sv="Nät")
    assert place.former() == ("Network", "Netz")
    assert place.texts() == {"en": "Network", "de": "Netz", "sv": "Nät"}


def test_what_release_1_0_writes_is_read_by_us(place: Place) -> None:
    place.write(en="Network", de="Netz", sv="Nät")
    place.write_former(**{place.replaced.english: "New", place.replaced.german: ""})
    assert place.texts() == {"en": "New", "sv": "Nät"}
    place.write_former(**{place.replaced.german: "Neu"})
    assert place.texts() == {"en": "New", "de": "Neu", "sv": "Nät"}


def test_a_row_that_was_just_made_keeps_its_texts_when_it_is_saved_again() -> None:
    """It has not seen what the trigger wrote for release 1.0."""
    made = cast.token_type("new", name={"en": "New", "de": "Neu"})
    made.position = 7
    made.save()
    assert TokenType.objects.get(code="new").name == {"en": "New", "de": "Neu"}


def test_without_english_release_1_0_reads_another_language(place: Place) -> None:
    """Nobody may be asked to choose between types without names; the texts stay as they were written."""
    place.write(sv="Nät")
    assert place.former() == ("Nät", "")
    place.row = place.model.objects.get()
    place.row.save()
    assert place.texts() == {"sv": "Nät"}


def test_a_row_of_release_1_0_has_texts() -> None:
    document = {
        "id": "0" * 32,
        "code": "house",
        "name": "House rules",
        "name_de": "Hausregeln",
        "revision": 0,
    }
    insert("identity_manager_termsdocument", document)
    assert TermsDocument.objects.get().name == {"en": "House rules", "de": "Hausregeln"}


def test_what_was_there_is_filled() -> None:
    former_columns.remove(connection)
    cast.token_type("vpn", name="VPN")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_manager_tokentype SET names = '{}', name = 'Net', name_de = 'Netz'")
    former_columns.install(connection)
    assert TokenType.objects.get().name == {"en": "Net", "de": "Netz"}


def test_the_triggers_are_there() -> None:
    """All that install creates. A migration that makes one of the tables anew on SQLite calls it again."""
    migrated = triggers()
    former_columns.remove(connection)
    without = triggers()
    former_columns.install(connection)
    assert migrated == triggers()
    of_each_column = 4 if connection.vendor == "sqlite" else 1
    assert len(migrated - without) == len(former_columns.REPLACED) * of_each_column


def triggers() -> set[str]:
    """Names of the triggers of the database."""
    if connection.vendor == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize(
    ("language", "read"),
    [("sv", "Nät"), ("sv-fi", "Nät"), ("de", "Network"), (None, "Network")],
)
def test_the_language_read(language: str | None, read: str) -> None:
    assert Texts({"en": "Network", "sv": "Nät"}).in_language(language) == read


def test_any_language_is_better_than_none() -> None:
    assert Texts({"sv": "Nät"}).in_language("de") == "Nät"
    assert str(Texts()) == ""


def insert(table: str, values: dict[str, Any]) -> None:
    """As release 1.0 does, with the columns that it knows."""
    marks = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))  # noqa: S608 our own names
