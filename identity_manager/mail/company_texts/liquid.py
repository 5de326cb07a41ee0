"""Template language of the company's mail texts: Liquid with only conditions, placeholders and some filters.

No loops, assignments, ranges and includes, and values are plain strings. So the cost of rendering is bounded
by the length of the text and by OUTPUT_LIMIT.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from liquid import BoundTemplate, Environment, Mode, StrictUndefined
from liquid.exceptions import LiquidError

OUTPUT_LIMIT = 20_000  # bytes of one mail
LONGEST_MARKUP = 200  # characters of one tag: the parser's time is quadratic in it
MOST_FAULTS = 20  # shown at once
BLOCKS = {"if": "endif", "unless": "endunless", "case": "endcase", "comment": "endcomment"}
WITHIN = {"else": ("if", "unless", "case"), "elsif": ("if", "unless"), "when": ("case",)}
TAGS = (*BLOCKS, "content", "output", "illegal")  # the last three are the parts of which templates are made
FILTERS = ("capitalize", "default", "downcase", "strip", "upcase")
MARKUP = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
TAG = re.compile(r"\{%-?\s*(\S*?)(?=[\s%-]|$)")
BRACES = re.compile(r"\{\{|\}\}|\{%|%\}")

UNKNOWN_PLACEHOLDER = _("There is no placeholder %(found)s in this mail.")
UNKNOWN_TAG = _("%(found)s is not known here. There are if, unless, case and comment.")
UNKNOWN_FILTER = _("The filter %(found)s is not known here. There are %(filters)s.")
NOT_CLOSED = _("%(found)s is never closed. Write %(end)s after what belongs to it.")
NOT_OPEN = _("%(found)s has nothing that it belongs to.")
OPEN_BRACES = _("%(found)s has no counterpart.")
RANGE = _("Two dots between braces are not known here.")
LONG_MARKUP = _("This is longer than 200 characters between its braces.")
UNREADABLE = _("This cannot be read.")


@dataclass(frozen=True)
class TextFault:
    """A fault in a text. line and column count from 1; line 0: the text as a whole."""

    sentence: str | Promise
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return str(self.sentence)
        words = {"line": self.line, "column": self.column, "sentence": self.sentence}
        return str(_("Line %(line)d, column %(column)d: %(sentence)s") % words)


class _Language(Environment):
    """A Liquid environment with allow-lists of tags and filters, and limits."""

    output_stream_limit = OUTPUT_LIMIT
    loop_iteration_limit = 1
    local_namespace_limit = 1
    context_depth_limit = 30  # each block of a text takes one

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Remove all tags and filters that are not in the allow-lists."""
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: self.tags[name] for name in TAGS}
        self.filters = {name: self.filters[name] for name in FILTERS}


# The values are escaped where the HTML part is made, and not here: the text part comes of the same source.
_LANGUAGE = _Language(undefined=StrictUndefined, strict_filters=True, tolerance=Mode.STRICT)


def parse(source: str) -> BoundTemplate:
    """Parse a source without faults. Raises LiquidError."""
    return _LANGUAGE.from_string(source)


def render(template: BoundTemplate, values: Mapping[str, str]) -> str:
    """Fill in the placeholders, whose names have dots. Raises LiquidError."""
    return template.render(**_nested(values))


def names_in(template: BoundTemplate) -> set[str]:
    """The placeholders that the template uses."""
    variables = chain.from_iterable(template.analyze().variables.values())
    return {str(variable) for variable in variables}


def faults(source: str, *, known: Mapping[str, object]) -> list[TextFault]:
    """Faults of the source, in order of position. known: existing placeholders by name."""
    found = list(islice(chain(_braces(source), _tags(source)), MOST_FAULTS))
    if found:
        return sorted(found, key=lambda fault: (fault.line, fault.column))
    try:
        template = parse(source)
    except LiquidError as error:
        return [fault_at(source, _index(error), UNREADABLE)]
    return sorted(_unknown(source, template, known), key=lambda fault: (fault.line, fault.column))


def fault_at(source: str, index: int, sentence: str | Promise, **words: object) -> TextFault:
    """A fault at this place of the source."""
    before = source[: max(index, 0)]
    line = before.count("\n") + 1
    return TextFault(sentence % words if words else sentence, line, len(before) - before.rfind("\n"))


def _braces(source: str) -> Iterator[TextFault]:
    """Braces without a counterpart or too far apart, and ranges, which would count to any number."""
    outside = MARKUP.sub(lambda match: " " * len(match[0]), source)
    for match in BRACES.finditer(outside):
        yield fault_at(source, match.start(), OPEN_BRACES, found=match[0])
    for match in MARKUP.finditer(source):
        inner = BRACES.search(match[0][2:-2])
        if inner:
            yield fault_at(source, match.start(), OPEN_BRACES, found=match[0][:2])
        if ".." in match[0]:
            yield fault_at(source, match.start() + match[0].index(".."), RANGE)
        if len(match[0]) > LONGEST_MARKUP:
            yield fault_at(source, match.start(), LONG_MARKUP)


def _tags(source: str) -> Iterator[TextFault]:
    """Tags that are not in the list, and blocks without an end or a beginning."""
    still_open: list[tuple[str, int]] = []
    for match in MARKUP.finditer(source):
        if match[0].startswith("{{"):
            continue
        name = _name_of(match[0])
        inside = still_open[-1][0] if still_open else ""
        if inside == "comment" and name != "endcomment":
            continue
        if sentence := _misplaced(name, inside):
            yield fault_at(source, match.start(), sentence, found=f"{{% {name} %}}")
        elif name in BLOCKS:
            still_open.append((name, match.start()))
        elif name == BLOCKS.get(inside):
            still_open.pop()
    for name, start in still_open:
        words = {"found": f"{{% {name} %}}", "end": f"{{% {BLOCKS[name]} %}}"}
        yield fault_at(source, start, NOT_CLOSED, **words)


def _misplaced(name: str, inside: str) -> str | Promise | None:
    """The fault of a tag within this block (empty: outside of blocks), or None."""
    if name in BLOCKS.values():
        return None if name == BLOCKS.get(inside) else NOT_OPEN
    if name in WITHIN:
        return None if inside in WITHIN[name] else NOT_OPEN
    return None if name in BLOCKS else UNKNOWN_TAG


def _name_of(tag: str) -> str:
    match = TAG.match(tag)
    return match[1] if match else ""


def _unknown(source: str, template: BoundTemplate, known: Mapping[str, object]) -> Iterator[TextFault]:
    """Faults for unknown placeholders and filters."""
    analysis = template.analyze()
    for variable in chain.from_iterable(analysis.variables.values()):
        if str(variable) not in known:
            yield fault_at(source, variable.span.index, UNKNOWN_PLACEHOLDER, found=str(variable))
    for name, spans in analysis.filters.items():
        for span in spans if name not in FILTERS else ():
            words = {"found": name, "filters": ", ".join(FILTERS)}
            yield fault_at(source, span.index, UNKNOWN_FILTER, **words)


def _index(error: LiquidError) -> int:
    return error.token.start_index if error.token else 0


def _nested(values: Mapping[str, str]) -> dict[str, object]:
    """`{"person.name": "Eva"}` as `{"person": {"name": "Eva"}}`: Liquid reads dots as a path.

    To Liquid an empty text is true; None is not.
    """
    nested: dict[str, object] = {}
    for name, value in values.items():
        first, _dot, last = name.partition(".")
        if last:
            inner = nested.setdefault(first, {})
            inner[last] = value or None  # type: ignore[index]  # no placeholder has the name of a group
        else:
            nested[first] = value or None
    return nested
