"""Person search: conditions, relevance and order of a query, by the trigram index of the database.

Three letters and more match anywhere (SQLite: FTS5 trigram; PostgreSQL: pg_trgm). One or two letters are
shorter than a trigram, so they match beginnings of words only. Scripts without spaces between words are
indexed character by character, so that one or two characters of them match anywhere.

The indexes are in sqlite_fts and postgresql.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import regex
from django.db import connections, models
from django.db.models import Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from identity_manager.models.person_search import name_order, postgresql, sqlite_fts, suggestions
from identity_manager.models.person_search.name_order import BY_NAME, SORTED_BY, NameOrder  # noqa: F401 migrations name it here
from identity_manager.models.person_search.query_words import (
    RANKED_WORDS,
    Word,
    full_names,
    lines_of,
    words_of,
)
from identity_manager.models.person_search.text import (
    UNSPACED,
    apart,
    contracted,
    fold,
    is_whole,
    spelled_out,
    strip_punctuation,
    without_apostrophes,
    without_punctuation,
)

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

SAMPLE_PERCENT = 0.05
COMMON = 5  # every fifth text has it
_NAMES_END = "\n\n"
_BEFORE_NAMES = " \n-"
# BETWEEN_WORDS of text: no class of PostgreSQL's, because those depend on the locale.
_BETWEEN_WORDS = r"(^|[ \n!-/:-@\[-`{-~])"
_Persons = TypeVar("_Persons", bound="models.QuerySet[Any]")


# --- How near a person is -------------------------------------------------------------------------
class Relevance(models.Func):
    """SQL expression of relevance: the smaller, the nearer (with_order defines the numbers).

    Hand-written SQL: compiling it from Django's expressions took longer than all else of a search, and
    databases evaluate common parts of CASE again. The most selective condition comes first: without all words
    in the names, no word can be the beginning of one.
    """

    output_field = models.IntegerField()

    def __init__(self, text: str, words: list[Word], **more: Any) -> None:
        super().__init__("search_text", "personnel_number", "email", text=text, words=words, **more)

    def as_sql(  # type: ignore[override]  # knows no other template
        self, compiler: Any, connection: Any, **_: Any
    ) -> tuple[str, Any]:
        text, number, email = (compiler.compile(each)[0] for each in self.source_expressions)
        find = "STRPOS" if connection.vendor == "postgresql" else "INSTR"
        names = f"SUBSTR({text}, 1, {find}({text}, %s))"
        within = f"{find}({names}, %s) > 0"
        at_beginning = f"{find}({text}, %s) = 1"
        begins = [at_beginning, *[within] * len(_BEFORE_NAMES)]
        words, whole = self.extra["words"], self.extra["text"]
        lines = [f"{line}\n" for line in lines_of(words)]
        sql = (
            f"CASE WHEN UPPER({number}) = UPPER(%s) OR UPPER({email}) = UPPER(%s) THEN 0 "
            f"WHEN NOT ({_all_of(words, [within])}) THEN 4 "
            f"WHEN {' OR '.join([at_beginning, within] * len(lines))} THEN 1 "
            f"WHEN {_all_of(words, begins)} THEN 2 ELSE 3 END"
        )
        found = (each for word in words for spelling in word for each in (_NAMES_END, spelling))
        exact = (each for line in lines for each in (line, _NAMES_END, f"\n{line}"))
        begun = (
            each for word in words for spelling in word for each in (spelling, *_after_each_sign(spelling))
        )
        return sql, (whole, whole, *found, *exact, *begun)


def _all_of(words: list[Word], conditions: list[str]) -> str:
    """SQL: of each word, a spelling fulfils one of the conditions."""
    return " AND ".join(f"({' OR '.join(conditions * len(word))})" for word in words)


def _after_each_sign(word: str) -> list[str]:
    return [each for sign in _BEFORE_NAMES for each in (_NAMES_END, sign + word)]


# --- What is indexed -------------------------------------------------------------------------------
class Searchable(Protocol):
    """Fields of a person that are searched: of Person, or of any row that has them."""

    surname: str
    given_name: str
    display_name: str
    personnel_number: str
    email: str
    department: str


def text_of(person: Searchable) -> str:
    """Return the search text of a person: lines of names, an empty line, lines of everything else.

    The first line is what lists are sorted by (name_order). Names stand there in all spellings that people
    type: with and without punctuation, given name first and last, ä as a and as ae.
    """
    others = [person.personnel_number, person.email, person.department]
    spellings = (fold, _spelled_without_apostrophes, _without_apostrophes)
    return (
        indexed(_lines(_names_of(person)))
        + _NAMES_END
        + indexed(_lines(spell(each) for spell in spellings for each in others))
    )


def _names_of(person: Searchable) -> Iterable[str]:
    by_surname = f"{person.surname} {person.given_name}"
    names = [by_surname, f"{person.given_name} {person.surname}", person.display_name]
    if UNSPACED.search(by_surname):
        del names[1]  # nobody writes them so, and unspaced they would be another name
    yield name_order.key_of(by_surname)
    yield from (fold(by_surname), fold(person.display_name))
    yield from map(without_punctuation, names)
    yield from (without_punctuation(spelled_out(each)) for each in names)


def _without_apostrophes(text: str) -> str:
    return fold(without_apostrophes(text))


def _spelled_without_apostrophes(text: str) -> str:
    return fold(spelled_out(without_apostrophes(text)))


def _lines(parts: Iterable[str]) -> str:
    """Each once, one a line so that no match spans two of them."""
    return "\n".join(dict.fromkeys(filter(None, parts)))


def indexed(text: str) -> str:
    """Return the folded lines, those in scripts without spaces also unspaced and character by character."""
    lines: dict[str, None] = {}
    for line in text.split("\n"):
        lines[line] = None
        if UNSPACED.search(line):
            lines[line.replace(" ", "")] = None
            lines[apart(line)] = None
    return "\n".join(lines)


# --- What is asked ---------------------------------------------------------------------------------
def matching(persons: _Persons, text: str, equal: Mapping[str, str]) -> _Persons:
    """Return the persons in whose search text every word of the query is found; all for an empty query.

    Whatever the query holds is data: quotes, operators and wildcards stand for themselves.
    equal: columns and what stands in them, never nothing.
    """
    words = words_of(text)
    if not words:
        return persons.none() if text.strip() else persons.filter(**equal)
    if connections[persons.db].vendor == "sqlite":
        return persons.filter(sqlite_fts.condition(words, equal), **equal)
    common = _common(words, connections[persons.db])
    conditions = [
        _without_index(word) if word in common else _any(map(_in_postgresql, word)) for word in words
    ]
    return persons.filter(*conditions, **equal)


def in_parts(persons: _Persons, text: str, equal: Mapping[str, str]) -> list[_Persons]:
    """Return what matching returns in parts without a common row, the nearest first.

    First matches of the personnel number, then of the full name or surname, then of the given name, then all
    others: a list is cut off after a thousand rows, and exact matches belong on it however many others match.
    """
    rest, words = matching(persons, text, equal), words_of(text)
    parts: list[_Persons] = []
    nearest = [_with_number(text)] if text.strip() else []
    nearest += [_with_full_name(text, words)] if words else []
    nearest += [_with_given_name(text, words)] if words else []
    found = persons.annotate(by_name=BY_NAME).filter(*map(_without_index, words), **equal)
    rest = rest.annotate(by_name=BY_NAME)
    for condition in nearest:
        parts.append(found.filter(condition))
        found, rest = found.exclude(condition), rest.exclude(condition)
    return [*parts, *postgresql.first_and_others(rest)]


def _with_number(text: str) -> Q:
    number = text.strip()
    return Q(personnel_number__in=sorted({number, number.upper(), number.lower()}))


def _with_full_name(text: str, words: list[Word]) -> Q:
    """Condition: the name begins with one of these, the whole name or all of its first words."""
    names = dict.fromkeys([*full_names(words), *full_names(name_order.words_of(text))])
    return _any(Q(by_name__begins=f"{name}{end}"[:SORTED_BY]) for name in names for end in "\n ")


def _with_given_name(text: str, words: list[Word]) -> Q:
    """Condition: the given name, as it is typed or as names are spelled, in the usual cases of its letters.

    Of a word of less than four letters, and of one that is spelled in several ways, one spelling may be
    missing here; it is found with all others.
    """
    spellings = {strip_punctuation(text.strip())}
    if len(words) == 1:
        plain = {*words[0], *map(contracted, words[0])}
        spellings |= {*plain, *suggestions.spellings_of(plain)}
    cased = {case(each) for each in spellings for case in (str, str.title, str.capitalize, str.upper)}
    return Q(given_name__in=sorted(cased))


# --- In which order --------------------------------------------------------------------------------
def with_order(persons: _Persons, text: str = "") -> _Persons:
    """Return the persons with by_name, and with relevance where there is a text: the smaller, the nearer.

    0: it is their personnel number or e-mail; 1: their name, surname first or last; 2: every word begins
    one of their names; 3: every word is in their names; 4: the rest, found by department, say.
    """
    persons = persons.annotate(by_name=BY_NAME)
    words = words_of(text)[:RANKED_WORDS]
    if not words:
        return persons
    return persons.annotate(relevance=Relevance(text.strip(), words))


def _common(words: list[Word], connection: "BaseDatabaseWrapper") -> set[Word]:
    """The frequent words among these, estimated by a table sample of a few pages; never all of them.

    They are not looked up in the index: PostgreSQL combines all words in one GIN scan, also one that
    everybody has, such as a mail domain (measured with a million persons, "anna example.com": 54 ms instead
    of 13).
    """
    asked = [word for word in words if len(word) == 1 and is_whole(word[0])]
    if len(words) < 2 or not asked:
        return set()
    counted = "".join(", COUNT(*) FILTER (WHERE STRPOS(search_text, %s) > 0)" for _ in asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*){counted} FROM identity_manager_person "  # noqa: S608 our own
            f"TABLESAMPLE SYSTEM ({SAMPLE_PERCENT}) REPEATABLE (1)",
            [word for (word,) in asked],
        )
        size, *numbers = cursor.fetchone()
    many = [word for word, number in zip(asked, numbers, strict=True) if number * COMMON > size]
    if len(many) == len(words):
        many.remove(min(zip(numbers, asked, strict=True))[1])
    return set(many)


def _without_index(word: Word) -> Q:
    """The condition of `contains`, phrased so that the planner cannot use an index for it."""
    return _any(Q(GreaterThan(StrIndex("search_text", Value(spelling)), 0)) for spelling in word)


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)


def _in_postgresql(word: str) -> Q:
    """The condition on PostgreSQL: LIKE for a match anywhere, a regular expression for a word's beginning.

    For scripts without spaces pg_trgm extracts no trigram from a regular expression, but from LIKE it does
    (measured with a million persons and two such words: 16 ms instead of 660).
    """
    whole, parts = Q(search_text__contains=word), apart(word)
    if is_whole(word):
        return whole
    if not UNSPACED.search(word):
        begins = Q(search_text__regex=_BETWEEN_WORDS + regex.escape(word, special_only=True))
        return begins if word.isalnum() else begins & whole
    if parts != word:
        return whole & Q(search_text__contains=parts)
    return Q(search_text__startswith=word) | _any(Q(search_text__contains=sign + word) for sign in " \n")


# --- The indexes -----------------------------------------------------------------------------------
def install(connection: "BaseDatabaseWrapper") -> None:
    """Create the indexes of the search, filled from the present persons. Idempotent.

    On SQLite a later migration that alters Person rebuilds its table, which drops the triggers: it must end
    with this function. test_person_search.py fails if it does not.
    """
    remove(connection)
    _execute(connection, sqlite_fts.INSTALL if connection.vendor == "sqlite" else postgresql.INSTALL)


def forget(connection: "BaseDatabaseWrapper") -> None:
    """Remove deleted texts from the index: FTS5 keeps them until its segments are merged ('optimize').

    PostgreSQL does so at its next vacuum. https://sqlite.org/fts5.html#the_optimize_command
    """
    if connection.vendor == "sqlite":
        _execute(connection, sqlite_fts.FORGET)


def remove(connection: "BaseDatabaseWrapper") -> None:
    """Drop the indexes of the search."""
    _execute(connection, sqlite_fts.REMOVE if connection.vendor == "sqlite" else postgresql.REMOVE)


def _execute(connection: Any, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
