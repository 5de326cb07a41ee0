"""Words of another language on a page: those of our catalogue, which say the same in two languages.

What people wrote (names, reasons, terms) stays in its own language; pages mark it as such, or it is no word
of the catalogue.
"""

import re
from functools import cache
from typing import NamedTuple

from babel.messages.pofile import read_po
from playwright.sync_api import Page

from tests.architecture.source import ROOT

CATALOGUE = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
FEWEST_LETTERS = 8  # what is shorter around its placeholders fits to anything
# Everything that is seen or read aloud: texts, also of several elements in a row, and names in attributes.
TEXTS = """() => {
  const own = document.documentElement.lang;
  const written = "pre, code, textarea, output, script, style, svg, .mono";
  const foreign = (each) => each.closest(written) || each.closest("[lang]").lang !== own;
  const found = [document.title];
  for (const each of document.querySelectorAll("body, body *")) {
    if (foreign(each) || !each.checkVisibility()) continue;
    for (const name of ["aria-label", "title", "placeholder", "alt", "data-label"])
      if (each.hasAttribute(name)) found.push(each.getAttribute(name));
    for (const node of each.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    const text = each.textContent.trim();
    const isAll = (part) => part.textContent.trim() === text;
    const mixed = [...each.querySelectorAll("[lang]")].some(foreign);
    if (mixed || [...each.querySelectorAll(written)].some(isAll)) continue;
    if (each.matches("p, li, td, th, dd, dt, h1, h2, h3, a, button, label, summary, legend"))
      found.push(text);
  }
  return [own, [...new Set(found.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean))]];
}"""


class Words(NamedTuple):
    """Whole texts, and those with something in between."""

    plain: frozenset[str]
    patterns: re.Pattern[str]


@cache
def _catalogue() -> dict[str, frozenset[str]]:
    """All that the product says, by language."""
    with CATALOGUE.open("rb") as file:
        messages = [message for message in read_po(file) if message.id and message.string]
    said: dict[str, set[str]] = {"en": set(), "de": set()}
    for message in messages:
        for language, texts in (("en", message.id), ("de", message.string)):
            said[language] |= {texts} if isinstance(texts, str) else set(texts)
    return {language: frozenset(map(_in_one_line, texts)) for language, texts in said.items()}


def _in_one_line(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


@cache
def foreign_to(language: str) -> Words:
    """What a page in this language must not say: the other one's words, but for those that both have."""
    (other,) = {"en", "de"} - {language}
    texts = _catalogue()[other] - _catalogue()[language]
    plain = {text for text in texts if not PLACEHOLDER.search(text)}
    patterns = [
        ".+?".join(map(re.escape, PLACEHOLDER.split(text)))
        for text in texts - plain
        if len(re.findall(r"\w", PLACEHOLDER.sub("", text))) >= FEWEST_LETTERS
    ]
    return Words(frozenset(plain), re.compile("|".join(sorted(patterns, reverse=True))))


@cache
def is_foreign(text: str, language: str) -> bool:
    words = foreign_to(language)
    return text in words.plain or words.patterns.fullmatch(text) is not None


def foreign_words(page: Page) -> list[str]:
    """What stands on the page in another language than the page's own."""
    language, texts = page.evaluate(TEXTS)
    return [text for text in texts if is_foreign(text, language)]
