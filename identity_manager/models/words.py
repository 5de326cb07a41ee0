"""The type of a text for people, and sentences by code.

A row, an audit event or a form carries a code; people read a sentence, in their language. Two kinds of
codes are no Vocabulary, because nobody has the code alone: a refusal is raised as a Reason, which brings its
sentences (transactions/refusals.py), and a transition has its label beside its states, where the state
machine is declared. A second registry by their names would say each of them twice.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise

Words = str | Promise  # a string, or a lazy translation that is resolved when it is shown
VOCABULARIES: "dict[str, Vocabulary]" = {}


class Vocabulary(dict[str, Words]):
    """The sentences of one kind of code. tests/architecture/test_vocabularies.py looks at all of them.

    unknown: the sentence for a code that another version wrote; without it such a code stands for itself.
    """

    def __init__(
        self,
        name: str,
        sentences: Mapping[Any, Words] | Iterable[tuple[str, Words]] = (),
        *,
        unknown: Words | None = None,
    ) -> None:
        super().__init__(sentences)
        self.unknown = unknown
        VOCABULARIES[name] = self

    def in_words(self, code: str) -> Words:
        """The sentence for the code."""
        return self.get(code, code if self.unknown is None else self.unknown)
