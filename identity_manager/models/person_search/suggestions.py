"""Spelling suggestions (**Did you mean**): names at edit distance one from the query.

The words of all names are indexed in a table of their own (NameWord). Each word of a query is corrected by
itself; the search decides whether the reader may find a person of that name.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product, takewhile
from typing import Any

from django.db.models import QuerySet

from identity_manager.models.people.name_word import LONGEST, NameWord, NameWordPart
from identity_manager.models.person_search.query_words import words_of
from identity_manager.models.person_search.text import without_punctuation

SHORTEST = 4  # shorter words are one letter away from too many others
MOST_WORDS = 4
MOST_CANDIDATES = 3  # of one word
MOST_NAMES = 9
_NAMES = ("given_name", "surname", "display_name")


def learn(persons: QuerySet[Any], keys: Sequence[Any]) -> int:
    """Index the words of these persons' names; return how many were new. Idempotent, also concurrently."""
    spelled = _spelled(persons.filter(pk__in=keys))
    # A word without parts was left by a crash between the two inserts: index it again.
    known = set(NameWord.objects.filter(word__in=spelled, parts__isnull=False).values_list("word", flat=True))
    new = {word: spelling for word, spelling in spelled.items() if word not in known}
    NameWord.objects.bulk_create(
        [NameWord(word=word, spelling=spelling[:LONGEST]) for word, spelling in sorted(new.items())],
        ignore_conflicts=True,
    )
    rows = NameWord.objects.filter(word__in=new)
    NameWordPart.objects.bulk_create(
        [NameWordPart(part=part, word=row) for row in rows for part in _parts(row.word)],
        ignore_conflicts=True,
    )
    return len(new)


def words_of_names(persons: QuerySet[Any]) -> list[int]:
    """The keys of the words of these persons' names."""
    return list(NameWord.objects.filter(word__in=_spelled(persons)).values_list("pk", flat=True))


def _spelled(persons: QuerySet[Any]) -> dict[str, str]:
    """Each word of the names that can be corrected, with a spelling."""
    return {
        word: spelling
        for names in persons.values_list(*_NAMES)
        for spelling in " ".join(names).split()
        for word in without_punctuation(spelling).split()
        if _is_corrected(word)
    }


def forget_unused(persons: QuerySet[Any], keys: Sequence[Any]) -> int:
    """Delete those of these words that nobody's name has any more; return how many."""
    words = NameWord.objects.filter(pk__in=keys).values_list("pk", "word")
    unused = [pk for pk, word in words if not persons.matching(word).exists()]  # type: ignore[attr-defined]  # a PersonQuerySet
    NameWord.objects.filter(pk__in=unused).delete()
    return len(unused)


def spellings_of(words: Iterable[str]) -> list[str]:
    """One spelling in names of each of these folded words: of hakan perhaps Håkan."""
    return list(NameWord.objects.filter(word__in=words).values_list("spelling", flat=True))


def names_near(text: str) -> Iterator[str]:
    """The names that differ from the text by one typo in a word, at most MOST_NAMES; not the text itself."""
    words = [word[0] for word in words_of(text)]
    if not 0 < len(words) <= MOST_WORDS:
        return
    choices = [_choices(word) for word in words]
    for name in islice(product(*choices), 1 + MOST_NAMES):
        if [word for word, _spelling in name] != words:
            yield " ".join(spelling for _word, spelling in name)


def _choices(word: str) -> list[tuple[str, str]]:
    """Candidates for a word, with a spelling: itself if it is a known word, else words one typo away."""
    if not _is_corrected(word):
        return [(word, word)]
    rows = NameWord.objects.filter(parts__part__in=_parts(word)).distinct().order_by("word")
    found = {row.word: row.spelling for row in rows}
    if word in found:
        return [(word, found[word])]
    near = [(each, spelling) for each, spelling in found.items() if is_one_typo(word, each)]
    return near[:MOST_CANDIDATES] or [(word, word)]


def _is_corrected(word: str) -> bool:
    return SHORTEST <= len(word) <= LONGEST and word.isalpha()


def _parts(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def is_one_typo(one: str, other: str) -> bool:
    """Whether the edit distance is one (optimal string alignment: insert, delete, substitute, swap)."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    begin = len(list(same))
    rest, rest_of_other = one[begin:], other[begin:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return (
        rest[1:] == rest_of_other[1:]
        or rest[1:] == rest_of_other
        or rest == rest_of_other[1:]
        or (len(rest) > 1 and swapped == rest_of_other)
    )
