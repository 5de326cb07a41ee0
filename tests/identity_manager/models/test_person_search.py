"""SEARCH finds persons by any part of what is known of them, on both databases."""

import pytest
from django.db import connection

from identity_manager.models import Person
from identity_manager.models.person_search import matching as person_search
from identity_manager.models.person_search import postgresql as person_first
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NAMES = {
    "yamada": ("太郎", "山田", "山田太郎"),
    "sato": ("花子", "佐藤", "佐藤 花子"),
    "muller": ("Jürgen", "Müller-Weiß", "Jürgen Müller-Weiß"),
    "lukasz": ("Łukasz", "Wiśniewski", "Łukasz Wiśniewski"),
    "seamus": ("Séamus", "O'Neill", "Séamus O'Neill"),
    "li": ("Wei", "Li", "Wei Li"),
    "melissa": ("Ayşe", "Yılmaz", "Ayşe Yılmaz"),
    "omar": ("عمر", "حداد", "عمر حداد"),
    "eleni": ("Ελένη", "Παπαδοπούλου", "Ελένη Παπαδοπούλου"),
    "kim": ("영희", "김", "김영희"),
    "odd": ('Per "cent"', "50%_off", 'Per "cent" 50%_off'),
}


@pytest.fixture(autouse=True)
def _everybody() -> None:
    for key, (given_name, surname, display_name) in NAMES.items():
        names = {"given_name": given_name, "surname": surname, "display_name": display_name}
        person(key, personnel_number=f"E{len(key)}-{key}", email="", upn="", sid="", department="", **names)


def found(text: str) -> set[str]:
    return {row.personnel_number.split("-")[1] for row in Person.objects.matching(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("山田", {"yamada"}),
        ("山", {"yamada"}),
        ("田太", {"yamada"}),
        ("太郎", {"yamada"}),
        ("山田太郎", {"yamada"}),
        ("山田 太郎", {"yamada"}),
        ("花", {"sato"}),
        ("佐藤花子", {"sato"}),
        ("郎山", set()),
        ("山太", set()),
        ("山a", set()),
        ("muller", {"muller"}),
        ("MÜLLER", {"muller"}),
        ("weiss", {"muller"}),
        ("WEISS jurgen", {"muller"}),
        ("lukasz", {"lukasz"}),
        ("wisniewski", {"lukasz"}),
        ("niewsk", {"lukasz"}),
        ("o'neill", {"seamus"}),
        ("ONEILL", set()),
        ("o'", {"seamus"}),
        ("yilmaz", {"melissa"}),
        ("YILMAZ", {"melissa"}),
        ("حد", {"omar"}),
        ("عمر", {"omar"}),
        ("ελενη", {"eleni"}),
        ("ΠΑ", {"eleni"}),
        ("김", {"kim"}),
        ("영희", {"kim"}),
        ("li", {"li"}),
        ("we", {"muller", "li"}),
        ("w l", {"li", "lukasz"}),
        ("ei", set()),
        ("E6", {"yamada", "muller", "lukasz", "seamus"}),
    ],
)
def test_it_finds_any_part_whatever_the_case_and_the_accents(text: str, expected: set[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"cent"', {"odd"}),
        ('"c', {"odd"}),
        ('"', {"odd"}),
        ("'", {"seamus"}),
        ("50%_off", {"odd"}),
        ("0%_o", {"odd"}),
        ("%", {"odd"}),
        ("_", {"odd"}),
        ("___", set()),
        ("%%%", set()),
        ("*", set()),
        ("li*", set()),
        ("wei OR sato", set()),
        ("wei NOT sato", set()),
        ("NEAR(wei li)", set()),
        ("search_text:wei", set()),
        ("wei\x00li", {"li"}),
        ("\ud800wei", {"li", "muller"}),
        ("\\", set()),
        ("(", set()),
        ("^w", set()),
        ("-", set(NAMES)),
        ("\u0301", set()),
        ("😀", set()),
    ],
)
def test_what_is_typed_is_data_and_never_syntax(text: str, expected: set[str]) -> None:
    assert found(text) == expected


def test_nothing_typed_is_no_restriction() -> None:
    assert found("") == found("  ") == set(NAMES)


@pytest.mark.parametrize("text", ["a " * 100, "wei " * 100, "x" * 100_000, "'" * 300, "山" * 300])
def test_long_input_is_answered(text: str) -> None:
    found(text)


def test_e_mail_and_department_are_looked_through_and_follow_changes() -> None:
    row = person("nina", email="nina.berg@example.org", department="Buchhaltung", personnel_number="X-nina")
    assert found("example.org") == found("haltung") == found("be") == {"nina"}
    row.department = "Einkauf"
    row.save()
    assert found("haltung") == set()
    assert found("einkauf") == {"nina"}
    row.delete()
    assert found("einkauf") == found("be") == set()


def test_rows_made_in_bulk_are_found() -> None:
    row = Person(personnel_number="B-bulk", given_name="Bulk", surname="Row", display_name="Bulk Row")
    row.search_text = row.compose_search_text()
    Person.objects.bulk_create([row])
    assert found("bulk") == found("bu") == {"bulk"}
    Person.objects.all().delete()
    assert found("bulk") == set()


def test_an_index_made_anew_knows_who_is_there() -> None:
    connection.check_constraints()  # PostgreSQL alters no table whose checks are pending
    person_search.remove(connection)
    person_search.install(connection)
    assert found("山田") == {"yamada"}
    assert found("uller") == {"muller"}


@pytest.mark.usefixtures("sqlite_only")
def test_on_sqlite_the_tables_of_the_search_answer() -> None:
    plan = Person.objects.matching("uller ja").explain()
    assert "identity_manager_person_parts" in str(Person.objects.matching("uller").query)
    assert "VIRTUAL TABLE" in plan
    with connection.cursor() as cursor:
        table = "identity_manager_person_parts"
        cursor.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 ours


@pytest.mark.usefixtures("postgresql_only")
def test_on_postgresql_the_trigram_index_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    for text in ("uller", "ja", "山", "山田", "山 太郎"):
        assert person_first.ALL in Person.objects.matching(text).explain()


@pytest.mark.usefixtures("postgresql_only")
def test_on_postgresql_a_word_that_many_have_is_compared_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_search, "SAMPLE_PERCENT", 100)
    for key in ("rolf", "ruth", "rita"):
        person(key, personnel_number=f"R-{key}", email=f"{key}@example.com", upn="", sid="")
    others = Person.objects.exclude(personnel_number__startswith="R-")
    Person.objects.filter(pk__in=others.values("pk")[8:]).delete()

    rows = Person.objects.matching("ruth example.com")
    assert str(rows.query).count("STRPOS") == str(rows.query).count("LIKE") == 1
    assert found("ruth example.com") == {"ruth"}
    assert found("example rolf com") == {"rolf"}
    assert found("example com") == {"rolf", "ruth", "rita"}
    assert found("example nobody") == set()


def in_order(text: str) -> list[str]:
    rows = Person.objects.matching(text).with_order(text).order_by("relevance", "by_name")
    return [row.personnel_number.split("-")[1] for row in rows]


def test_names_come_before_departments_and_numbers() -> None:
    person("zoe", personnel_number="Z-zoe", display_name="Zoë Weiland", surname="Weiland", email="")
    person("abe", personnel_number="A-abe", department="Wei", display_name="Abe A", surname="A", email="")
    person("ann", personnel_number="A-ann", display_name="Ann Awei", surname="Awei", email="", sid="")

    assert in_order("wei") == ["li", "muller", "zoe", "ann", "abe"]


def test_a_number_or_an_address_comes_before_everything() -> None:
    person("rolf", personnel_number="77-rolf", email="wei@example.com", surname="Zuse", display_name="R Zuse")

    assert in_order("wei@example.com") == ["rolf"]
    assert in_order("77-ROLF")[0] == "rolf"


def test_a_name_by_which_somebody_is_called_is_a_name() -> None:
    person("robert", personnel_number="R-bob", display_name="Bob Stone", surname="Stone", email="")
    person("anna", personnel_number="A-dept", department="Bob", surname="Abel", display_name="Anna Abel")

    assert in_order("bob") == ["bob", "dept"]


def test_lists_are_sorted_without_case_and_accents() -> None:
    person("a", personnel_number="S-oeberg", surname="Öberg", display_name="A Öberg", email="")
    person("b", personnel_number="S-vries", surname="de Vries", display_name="B de Vries", email="")
    person("c", personnel_number="S-zimmer", surname="Zimmer", display_name="C Zimmer", email="")
    rows = Person.objects.filter(personnel_number__startswith="S-").with_order().order_by("by_name")

    assert [row.personnel_number for row in rows] == ["S-vries", "S-oeberg", "S-zimmer"]


def test_the_index_answers_the_order_of_lists() -> None:
    """A bound number in the expression would make the database sort everybody for each page."""
    rows = Person.objects.filter(kind="employee").with_order().order_by("by_name")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    plan = rows[:25].explain()

    assert "person_by_name" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.usefixtures("sqlite_only")
def test_statistics_make_the_words_go_first() -> None:
    person_search.take_statistics()
    with connection.cursor() as cursor:
        counted = cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'person_by_name'").fetchone()

    assert counted == (1,)


@pytest.mark.usefixtures("postgresql_only")
def test_postgresql_takes_statistics_by_itself() -> None:
    assert person_search.take_statistics() == 0
