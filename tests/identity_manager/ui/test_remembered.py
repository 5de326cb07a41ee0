"""Django's tags that remember: they say what Django's own say, in each language and for each key."""

import re
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse
from django.utils import translation

KEYS = [uuid.uuid4() for _ in range(3)]
INCLUDED = {"ui/keys.html"}  # what fixed parts may take in


def draw(source: str, **context: object) -> str:
    return Template(source).render(Context({"request": RequestFactory().get("/"), **context}))


@pytest.mark.parametrize("key", KEYS)
def test_an_address_has_the_key_that_is_given(key):
    assert draw('{% url "console:request" key %}', key=key) == reverse("console:request", args=[key])
    assert draw('{% url "console:request" key as found %}[{{ found }}]', key=key).strip("[]") == reverse(
        "console:request", args=[key]
    )


def test_an_address_without_a_key_stays_the_same():
    assert draw('{% url "console:start" %}') == draw('{% url "console:start" %}') == reverse("console:start")


def test_what_is_no_key_is_left_to_django():
    key = KEYS[0]
    assert draw('{% url "console:request" key %}', key=str(key)) == reverse("console:request", args=[key])
    assert draw('{% url "console:request" pk=key %}', key=key) == reverse("console:request", args=[key])


@pytest.mark.parametrize("name", ["console:request", "console:nowhere"])
def test_an_address_that_is_none_is_refused_or_empty(name):
    for _ in range(2):
        assert draw("{% url name as found %}[{{ found }}]", name=name) == "[]"
        with pytest.raises(NoReverseMatch, match=name.partition(":")[2]):
            draw("{% url name %}", name=name)


def test_words_are_those_of_the_language():
    source = Template('{% translate "Close" %}{% translate "Close" as word %}, {{ word }}')
    with translation.override("de"):
        german = source.render(Context())
    for _ in range(2):
        with translation.override("en"):
            assert source.render(Context()) == "Close, Close"
        with translation.override("de"):
            assert source.render(Context()) == german != "Close, Close"


def test_words_that_are_given_are_not_remembered():
    source = Template("{% translate word %}")
    assert [source.render(Context({"word": word})) for word in ("one", "two")] == ["one", "two"]


def test_no_template_loads_the_tags_that_forget():
    folder = Path(settings.BASE_DIR, "templates")
    templates = [path for path in folder.rglob("*") if path.suffix in {".html", ".txt"}]
    assert len(templates) > 200
    loads = re.compile(r"{%\s*load\b[^%]*\b(i18n|static)\b")
    assert [each.name for each in templates if loads.search(each.read_text(encoding="utf-8"))] == []


def test_a_fixed_part_is_drawn_once_in_each_language():
    part = Template('{% fixed %}{% translate "Close" as word %}{% icon "x" %}{{ word }}{% endfixed %}')
    for language in ("en", "de", "en"):
        with translation.override(language):
            plain = draw('{% translate "Close" as word %}{% icon "x" %}{{ word }}')
            assert part.render(Context()) == part.render(Context()) == plain


def test_the_fixed_parts_of_templates_hold_nothing_of_a_visit():
    """What is put in there comes from a word that was translated in the same part."""
    folder = settings.BASE_DIR / "templates"
    parts = [
        part
        for path in folder.rglob("*.html")
        for part in re.findall(r"{% fixed %}(.*?){% endfixed %}", path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert parts
    for part in [*parts, *((folder / name).read_text(encoding="utf-8") for name in INCLUDED)]:
        named = set(re.findall(r"{% translate [^%]* as (\w+) %}", part))
        assert set(re.findall(r"{{ *([\w.]+)", part)) <= named
        assert set(re.findall(r"{% (\w+)", part)) <= {"translate", "dialog", "enddialog", "include"}
        assert set(re.findall(r'{% include "([^"]+)"', part)) <= INCLUDED
