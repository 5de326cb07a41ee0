"""SEARCH finds persons by any part of what is known of them, on both databases."""

import pytest
from django.db import connection

from ca_bridge.database import statistics
from identity_manager.jobs import schedule
from identity_manager.models import Person
from identity_manager.models.person_search import matching as person_search
from identity_manager.models.person_search import postgresql, refresh, suggestions
from identity_manager.models.person_search.text import fold
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
        ("ONEILL", {"seamus"}),
        ("o'", {"seamus", "odd", "omar"}),
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
        ('"', set()),
        ("'", set()),
        ("50%_off", {"odd"}),
        ("0%_o", set()),
        ("%", set()),
        ("_", set()),
        ("___", set()),
        ("%%%", set()),
        ("*", set()),
        ("li*", {"li"}),
        ("wei OR sato", set()),
        ("wei NOT sato", set()),
        ("NEAR(wei li)", set()),
        ("search_text:wei", set()),
        ("wei\x00li", {"li"}),
        ("\ud800wei", {"li", "muller"}),
        ("\\", set()),
        ("(", set()),
        ("^w", {"muller", "li", "lukasz"}),
        ("-", set()),
        ("\u0301", set()),
        ("😀", set()),
    ],
)
def test_what_is_typed_is_data_and_never_syntax(text: str, expected: set[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "O'Neill", "O’Neill", "o‘neill", "O´Neill", "o`neill", "ONeill", "O Neill", "O-Neill",
        "O'Neill, Séamus", "Séamus O’Neill.", "(seamus) oneill;", "neill,seamus", "“O’Neill”",
    ],
)  # fmt: skip
def test_punctuation_is_ignored(text: str) -> None:
    assert found(text) == {"seamus"}


def test_punctuation_is_ignored_in_what_is_stored() -> None:
    person("hakan", personnel_number="P-hakan", surname="Lindqvist-Öst", given_name="Håkan", email="")
    person("smith", personnel_number="P-smith", surname="Smith, Jr.", given_name="Al", email="h.o'hara@b.org")

    assert found("lindqvist, håkan") == found("hakan lindqvist ost") == found("LINDQVIST–OEST") == {"hakan"}
    assert found("al smith jr") == found("ohara") == found("h.o'hara@b.org") == {"smith"}


def test_an_address_is_one_word() -> None:
    person("a", personnel_number="A-a", given_name="Bo", surname="Ek", email="bo.ek@example.org", upn="")
    person("b", personnel_number="A-b", given_name="Bo", surname="Ek", email="ek.bo@example.org", upn="")

    assert found("bo.ek@example.org") == found("<BO.EK@example.org>,") == found("bo.ek@exa") == {"a"}
    assert found("bo.ek") == found("example.org") == {"a", "b"}


SPELLINGS = [
    ("Schäfer", "Schaefer", "Schafer"),
    ("Schröder", "Schroeder", "Schroder"),
    ("Müller", "Mueller", "Muller"),
    ("Weißmann", "Weissmann", "WEISSMANN"),
    ("Ångström", "Aangstroem", "Angstrom"),
    ("Ødegård", "Oedegaard", "Odegard"),
    ("Kjær", "Kjaer", "KJÆR"),
]


@pytest.mark.parametrize(("name", "spelled", "plain"), SPELLINGS)
def test_a_letter_with_marks_is_found_as_one_and_as_two(name: str, spelled: str, plain: str) -> None:
    Person.objects.all().delete()
    for surname, key in ((name, "name"), (spelled, "spelled")):
        person(key, personnel_number=f"S-{key}", surname=surname, given_name="Uma", email="", department="")

    assert found(name) == found(f"uma {name.upper()}") == found(name[1:]) == {"name", "spelled"}
    assert "name" in found(plain)
    assert "name" in found(spelled)
    assert {"name", "spelled"} >= found(spelled[:2]) >= {"spelled"}


@pytest.mark.parametrize("text", ["Uma Schaefer", "schaefer, uma", "Uma Schäfer", "SCHAFER UMA"])
def test_an_exact_name_comes_first_in_either_order(text: str) -> None:
    names = (("uma", "Schäfer", "Uma"), ("umar", "Schäfer", "Umar"), ("anna", "Schäfer-Berg", "Anna Uma"))
    for key, surname, given_name in names:
        named = {"surname": surname, "given_name": given_name, "display_name": f"Dr. {given_name} {surname}"}
        person(key, personnel_number=f"U-{key}", email="", department="", **named)
    person("dept", personnel_number="U-dept", surname="Aa", given_name="Uma", department="Schäfer", email="")

    assert in_order(text)[0] == "uma"
    assert set(in_order(text)[1:3]) == {"umar", "anna"}
    assert {"dept"} >= set(in_order(text)[3:])


def test_a_double_name_is_exact_without_its_hyphen() -> None:
    person("rest", personnel_number="M-rest", surname="Aa Weiß Müller", given_name="Jürgen", email="")

    for text in ("Jürgen Müller-Weiß", "müller weiss jurgen", "Mueller-Weiß, Jürgen"):
        assert in_order(text)[0] == "muller"


@pytest.mark.parametrize("text", ["wei li", "E2-li", "schaefer manuel", "an", "uma", "uma schaefer"])
def test_parts_hold_whom_the_words_find_once(text: str) -> None:
    for number, surname in enumerate(("Schäfer", "Schaefer", "Schafer", "An", "Wei Li", "E2-Li")):
        for given_name in ("Uma", "Manuel"):
            key = f"P{number}-{given_name}"
            person(key, personnel_number=key, surname=surname, given_name=given_name, email="")
    parts = [set(rows.values_list("pk", flat=True)) for rows in Person.objects.matching_in_parts(text)]

    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set().union(*parts) == set(Person.objects.matching(text).values_list("pk", flat=True))
    assert set().union(*parts)


def test_the_nearest_are_in_the_first_parts() -> None:
    person("dept", personnel_number="D-dept", surname="Aa", given_name="Bo", department="Li", email="")
    person("li", personnel_number="li", surname="Zz", given_name="Bo", email="")
    number, name, *_rest = Person.objects.matching_in_parts("LI")

    assert [row.personnel_number for row in number] == ["li"]
    assert [row.personnel_number for row in name] == ["E2-li"]


@pytest.mark.parametrize("text", ["Seamus", "SÉAMUS", "séamus", "seamus,"])
def test_a_given_name_is_found_before_a_department_of_that_name(text: str) -> None:
    suggestions.learn(Person.objects.all(), list(Person.objects.values_list("pk", flat=True)))
    for number in range(3):
        person(f"in{number}", personnel_number=f"A{number}-in", department="Seamus", email="")
    number, name, given_name, *rest = Person.objects.matching_in_parts(text)

    assert not {*number, *name}
    assert [row.personnel_number for row in given_name] == ["E6-seamus"]
    assert len([row for part in rest for row in part]) == 3


@pytest.mark.parametrize("text", ["Juergen", "jürgen", "Jurgen"])
def test_a_given_name_with_an_umlaut_is_found_first_however_it_is_typed(text: str) -> None:
    suggestions.learn(Person.objects.all(), list(Person.objects.values_list("pk", flat=True)))
    _number, _name, given_name, *_rest = Person.objects.matching_in_parts(text)

    assert [row.personnel_number for row in given_name] == ["E6-muller"]


def test_stale_texts_are_written_anew() -> None:
    stale, changed = (Person.objects.get(surname=name) for name in ("O'Neill", "Müller-Weiß"))
    was = {row.pk: row.updated_at for row in Person.objects.all()}
    for row in (stale, changed):  # as the release before this one wrote them
        names = "\n".join(dict.fromkeys((fold(f"{row.surname} {row.given_name}"), fold(row.display_name))))
        Person.objects.filter(pk=row.pk).update(search_text=f"{names}\n\n{fold(row.personnel_number)}")
    assert found("oneill") == found("mueller") == set()
    assert found("o'neill") == set()
    assert found("neill seamus") == {"seamus"}
    assert found("müller weiß") == {"muller"}

    assert refresh.refresh_all(Person.objects.all()) == 2
    assert refresh.refresh_all(Person.objects.all()) == 0
    assert found("oneill") == {"seamus"}
    assert found("mueller weiss") == {"muller"}
    assert {row.pk: row.updated_at for row in Person.objects.all()} == was


def test_a_job_writes_anew_whom_the_old_code_has_saved() -> None:
    (job,) = (each for each in schedule.JOBS if each.name == "search.refresh")
    Person.objects.filter(surname="O'Neill").update(search_text="o'neill seamus\n\ne6-seamus")

    assert job.run() == 1
    assert found("oneill") == {"seamus"}
    assert job.run() == 0


def test_the_lines_of_before_stay_for_the_old_code() -> None:
    for row in Person.objects.all():
        lines = row.search_text.split("\n")
        assert {fold(f"{row.surname} {row.given_name}"), fold(row.display_name)} <= set(lines)


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
        assert postgresql.ALL in Person.objects.matching(text).explain()


@pytest.mark.usefixtures("postgresql_only")
def test_on_postgresql_a_word_that_many_have_is_compared_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_search, "SAMPLE_PERCENT", 100)
    for key in ("rolf", "ruth", "rita"):
        person(key, personnel_number=f"R-{key}", email=f"{key}@example.com", upn="", sid="")
    others = Person.objects.exclude(personnel_number__startswith="R-")
    Person.objects.filter(pk__in=others.values("pk")[8:]).delete()

    rows = Person.objects.matching("ruth example.com")
    assert str(rows.query).count("STRPOS") == 2
    assert str(rows.query).count("LIKE") == 1
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
    statistics.analyze()
    with connection.cursor() as cursor:
        counted = cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'person_by_name'").fetchone()

    assert counted == (1,)


@pytest.mark.usefixtures("postgresql_only")
def test_postgresql_counts_the_tables_that_it_is_told() -> None:
    Person.objects.create(given_name="Uma", surname="Schäfer")

    assert statistics.analyze() == 0
    assert statistics.analyze(Person) == 1

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'identity_manager_person'")
        assert cursor.fetchone() == (Person.objects.count(),)
