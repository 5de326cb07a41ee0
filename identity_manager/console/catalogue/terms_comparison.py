"""Text comparison (diff) of two versions of terms, by paragraphs and by words, with bounded cost."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from typing import TypeVar

from identity_manager.catalogue.terms_content import Text
from identity_manager.models.text_in_languages import languages
from identity_manager.models.words import Words
from identity_manager.ui.terms_text import Block, blocks

T = TypeVar("T", bound=Hashable)
STEPS = 5_000_000  # budget of one comparison, all languages together: about a second in the worst case
LOOK = 100  # fixed cost of comparing two paragraphs, beside one step per character
SHOWN = 2_000  # maximum differences shown per language
ALIKE = 0.5  # similarity of two paragraphs below which one counts as removed and the other as new


class Mark(StrEnum):
    """Whether words are unchanged, removed or new."""

    SAME = "same"
    OUT = "out"
    NEW = "new"


@dataclass(frozen=True)
class Piece:
    """Words of a paragraph with the same mark."""

    mark: Mark
    text: str


@dataclass(frozen=True)
class Passage:
    """A heading or a paragraph, in pieces."""

    is_heading: bool
    pieces: Sequence[Piece]

    @property
    def differences(self) -> int:
        return sum(piece.mark is not Mark.SAME for piece in self.pieces)


@dataclass(frozen=True)
class Stretch:
    """Consecutive passages. folded: several unchanged ones, collapsed on the page."""

    folded: bool
    passages: Sequence[Passage]


@dataclass(frozen=True)
class Comparison:
    """The comparison of one language: title, and text in stretches; empty if nothing differs."""

    code: str
    name: Words
    title: Passage
    stretches: Sequence[Stretch]

    @property
    def differs(self) -> bool:
        return self._differences > 0

    @property
    def too_many(self) -> bool:
        """Whether more differs than is shown."""
        return self._differences > SHOWN

    @property
    def _differences(self) -> int:
        passages = (passage for stretch in self.stretches for passage in stretch.passages)
        return self.title.differences + sum(passage.differences for passage in passages)


class _Comparer:
    """Compares within the budget; what would exceed it is shown as removed and new as a whole."""

    def __init__(self) -> None:
        self._left = STEPS

    def passages(self, before: Sequence[Block], after: Sequence[Block]) -> Iterator[Passage]:
        for same, olds, news in self._runs(before, after):
            if same:
                yield from (_whole(Mark.SAME, block) for block in news)
            else:
                yield from self._replaced(list(olds), news)

    def words(self, before: Block, after: Block) -> Passage:
        """One passage that was changed."""
        pieces: list[Piece] = []
        for same, olds, news in self._runs(before.text.split(), after.text.split()):
            parts = [(Mark.SAME, news)] if same else [(Mark.OUT, olds), (Mark.NEW, news)]
            pieces += [Piece(mark, " ".join(words)) for mark, words in parts if words]
        return Passage(after.is_heading, pieces)

    def _replaced(self, olds: list[Block], news: Sequence[Block]) -> Iterator[Passage]:
        """Match each new paragraph with the first similar old one; old ones before that are removed."""
        for new in news:
            place = self._place(olds, new)
            if place is None:
                yield _whole(Mark.NEW, new)
                continue
            yield from (_whole(Mark.OUT, old) for old in olds[:place])
            yield self.words(olds[place], new)
            del olds[: place + 1]
        yield from (_whole(Mark.OUT, old) for old in olds)

    def _place(self, olds: Sequence[Block], new: Block) -> int | None:
        for place, old in enumerate(olds):
            if not self._can_afford(LOOK + len(old.text) + len(new.text)):
                return None
            if _are_alike(old, new):
                return place
        return None

    def _runs(
        self, before: Sequence[T], after: Sequence[T]
    ) -> Iterator[tuple[bool, Sequence[T], Sequence[T]]]:
        """Yield runs in order: whether both sides are equal, and the two sides."""
        head = _shared(before, after)
        tail = _shared(before[head:][::-1], after[head:][::-1])
        yield True, before[:head], after[:head]
        olds, news = before[head : len(before) - tail], after[head : len(after) - tail]
        if self._can_afford(_steps(olds, news)):
            matcher = SequenceMatcher(None, olds, news, autojunk=False)
            for tag, old, old_end, new, new_end in matcher.get_opcodes():
                yield tag == "equal", olds[old:old_end], news[new:new_end]
        else:
            yield False, olds, news
        yield True, before[len(before) - tail :], after[len(after) - tail :]

    def _can_afford(self, steps: int) -> bool:
        if steps > self._left:
            return False
        self._left -= steps
        return True


def comparisons(before: Mapping[str, Text], after: Mapping[str, Text]) -> list[Comparison]:
    """Compare each language of the installation, in at most about a second."""
    comparer = _Comparer()
    nothing = Text("", "")
    return [
        _compared(comparer, code, name, before.get(code, nothing), after.get(code, nothing))
        for code, name in languages()
    ]


def _compared(comparer: _Comparer, code: str, name: Words, before: Text, after: Text) -> Comparison:
    title = comparer.words(_title(before), _title(after))
    passages = comparer.passages(blocks(before.body), blocks(after.body))
    return Comparison(code, name, title, list(_stretches(passages)))


def _are_alike(old: Block, new: Block) -> bool:
    first, second = old.text.split(), new.text.split()
    shared = (Counter(first) & Counter(second)).total()
    return old.is_heading == new.is_heading and 2 * shared >= ALIKE * (len(first) + len(second))


def _title(text: Text) -> Block:
    return Block(text.title, is_heading=True)


def _stretches(passages: Iterator[Passage]) -> Iterator[Stretch]:
    """Fold unchanged passages, except single ones and the heading directly above a difference."""
    runs = [(differs, list(run)) for differs, run in groupby(passages, key=lambda each: each.differences > 0)]
    above: list[Passage] = []
    for place, (differs, run) in enumerate(runs):
        if differs:
            yield Stretch(folded=False, passages=[*above, *run])
            continue
        above = run[-1:] if run[-1].is_heading and place + 1 < len(runs) else []
        if rest := run[: len(run) - len(above)]:
            yield Stretch(folded=len(rest) > 1, passages=rest)


def _whole(mark: Mark, block: Block) -> Passage:
    return Passage(block.is_heading, [Piece(mark, block.text)])


def _shared(before: Sequence[object], after: Sequence[object]) -> int:
    """Length of the common prefix."""
    pairs = zip(before, after, strict=False)
    return next((i for i, (old, new) in enumerate(pairs) if old != new), min(len(before), len(after)))


def _steps(before: Sequence[Hashable], after: Sequence[Hashable]) -> int:
    """Upper bound of difflib's steps: each match examines all equal pairs and all items of `before`."""
    counts = Counter(after)
    pairs = sum(number * counts[each] for each, number in Counter(before).items())
    return (pairs + len(before)) * (2 * min(pairs, len(before), len(after)) + 1)
