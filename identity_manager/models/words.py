"""Vocabularies: sentences in the reader's language by code; and the type of a text for people.

A row, an audit event or a form carries a code; pages show its sentence. Two kinds of codes have no
Vocabulary, because the code never comes without its sentence: a refusal is raised as a Reason
(transactions/refusals.py), and a transition has its label where the state machine is declared. The bridge
does not know this module: its codes have WORDS and in_words beside them (ca_bridge/connection/faults.py).
Labels of one page, which no code of a row asks for, stand in that page.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise

Words = str | Promise  # a string, or a lazy translation that is resolved when it is shown
VOCABULARIES: "dict[str, Vocabulary]" = {}


class Vocabulary(dict[str, Words]):
    """The sentences of one kind of code; tests/architecture/test_vocabularies.py checks them all.

    unknown: the sentence for a code that another version wrote; without it the code itself is shown.
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
        """The sentence of the code, lazily translated; `unknown`, else the code itself, for another one."""
        return self.get(code, code if self.unknown is None else self.unknown)
