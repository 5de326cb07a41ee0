"""Did you mean: a name that is one typo away is found by an index, on both databases."""

import random
from itertools import pairwise

import pytest
from pytest_django import DjangoAssertNumQueries

from identity_manager.jobs import schedule
from identity_manager.models import NameWord, NameWordPart, Person
from identity_manager.models.person_search import suggestions
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NAMES = [
    ("Anna", "Lindqvist"),
    ("Jürgen", "Müller-Weiß"),
    ("Séamus", "O'Neill"),
    ("Anne", "Lundqvist"),
    ("Wei", "Li"),
    ("太郎", "山田"),
]


@pytest.fixture(autouse=True)
def _everybody() -> None:
    for number, (given_name, surname) in enumerate(NAMES):
        names = {"given_name": given_name, "surname": surname, "display_name": f"{given_name} {surname}"}
        person(f"p{number}", **names)
    learn()


def learn() -> int:
    return suggestions.learn(Person.objects.all(), list(Person.objects.values_list("pk", flat=True)))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Lindqvst", "Lindqvist"),  # left out
        ("Lindqvisst", "Lindqvist"),  # added
        ("Lindpvist", "Lindqvist"),  # exchanged
        ("Lidnqvist", "Lindqvist"),  # changed places
        ("xindqvist", "Lindqvist"),  # the first
        ("Lindqvisx", "Lindqvist"),  # the last
        ("Anna Lindqvst", "Anna Lindqvist"),
        ("lindqvst ANNA", "Lindqvist Anna"),
        ("Mulller", "Müller-Weiß"),
        ("Jurgn", "Jürgen"),
        ("ONeil", "O'Neill"),
    ],
)
def test_a_typo_is_corrected(text: str, name: str) -> None:
    assert name in list(suggestions.names_near(text))


@pytest.mark.parametrize(
    "text",
    ["", "Lindqvist", "Li", "Wie", "Lindkvst", "山本", "P-1", "a@b.example", "x" * 41, "q " * 9, "anna%"],
)
def test_what_is_not_corrected(text: str) -> None:
    assert list(suggestions.names_near(text)) == []


def test_both_of_two_near_names_are_offered() -> None:
    assert set(suggestions.names_near("Lxndqvist")) == {"Lindqvist", "Lundqvist"}


def test_every_word_is_one_typo_from_its_typos_and_no_other_way() -> None:
    """Held against the plain definition of the distance (optimal string alignment)."""
    choose = random.Random(7)  # noqa: S311 the same words each time
    words = ["".join(choose.choices("abc", k=choose.randint(1, 6))) for _each in range(300)]
    for one, other in pairwise(words):
        assert suggestions.is_one_typo(one, other) == (distance(one, other) == 1), (one, other)


def distance(one: str, other: str) -> int:
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        rows.append([i])
        for j, b in enumerate(other, 1):
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i].append(best)
    return rows[-1][-1]


def test_learning_again_adds_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    before = (NameWord.objects.count(), NameWordPart.objects.count())
    assert learn() == 0
    assert (NameWord.objects.count(), NameWordPart.objects.count()) == before
    with django_assert_num_queries(1):
        list(suggestions.names_near("Lindqvst"))


def test_a_word_that_was_left_without_its_parts_is_completed() -> None:
    NameWordPart.objects.all().delete()
    assert learn() > 0
    assert list(suggestions.names_near("Lindqvst")) == ["Lindqvist"]


def test_words_of_nobody_are_forgotten() -> None:
    Person.objects.get(surname="Lindqvist").delete()
    (job,) = (each for each in schedule.JOBS if each.name == "search.forget_names")
    job.run()
    assert set(NameWord.objects.values_list("word", flat=True)) == {
        *("muller", "weiss", "jurgen", "seamus", "oneill", "anne", "lundqvist"),
    }


def test_new_names_are_learnt_by_the_job() -> None:
    person("p9", given_name="Bo", surname="Sjöstrand", display_name="Bo Sjöstrand")
    (job,) = (each for each in schedule.JOBS if each.name == "search.learn_names")
    job.run()
    assert list(suggestions.names_near("Sjostrnd")) == ["Sjöstrand"]


def test_a_name_that_somebody_gets_while_it_is_forgotten_is_learnt_again() -> None:
    jobs = {each.name: each for each in schedule.JOBS}
    jobs["search.learn_names"].run()
    NameWord.objects.filter(word="lindqvist").delete()  # as its job does, an instant after it looked
    NameWord.objects.create(word="nobody", spelling="Nobody")
    jobs["search.learn_names"].run()
    assert not NameWord.objects.filter(word="lindqvist").exists(), "the chunk is as it was"
    jobs["search.forget_names"].run()
    jobs["search.learn_names"].run()
    assert list(suggestions.names_near("Lindqvst")) == ["Lindqvist"]
