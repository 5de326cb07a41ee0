"""Rules that every template keeps."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from identity_manager.ui.gallery_samples import ICONS

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "emails" not in path.parts]
SOURCES = [
    path
    for folder in ("identity_manager", "selfservice")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


@named(PAGES)
def test_no_style_and_no_script_in_a_page(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"<style|\son[a-z]+=|javascript:|hx-on", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


@named(PAGES)
def test_no_word_stands_before_a_moment_that_does_not_go_with_all_its_words(path):
    """`when` says "in 6 days" and "9 minutes ago" too, which come neither after until nor after since."""
    assert not re.search(r"""\b([Uu]ntil|[Ss]ince)(["' ]|%\}|\s)*{% when """, path.read_text())


@named(PAGES)
def test_the_colon_after_words_of_another_tag_is_the_languages(path):
    """French has a space before it, so it is a tag's; within a message the translator writes it."""
    messages = r"{% blocktranslate.*?endblocktranslate %}"
    text = re.sub(messages, "", path.read_text(), flags=re.DOTALL)
    assert re.findall(r"[%}]}(?:</\w+>)?:(?=[\s<{])", text) == []


@named(TEMPLATES)
def test_every_icon_is_drawn_in_the_sprite(path):
    names = re.findall(r"""{% icon "([^"]+)"|icon_name="([^"]+)\"""", path.read_text())
    assert {first or second for first, second in names} <= set(ICONS)


@named(SOURCES)
def test_every_icon_named_in_code_is_drawn_in_the_sprite(path):
    assert set(re.findall(r"""\bicon(?:_name)?="([^"]+)\"""", path.read_text())) <= set(ICONS)


@named(TEMPLATES)
def test_no_template_asks_politely_or_shouts(path):
    words = re.findall(r'{% translate "([^"]*)"', path.read_text())
    assert [text for text in words if re.search(r"!|\b[Pp]lease\b", text)] == []


def test_the_sprite_draws_lines_only():
    sprite = (ROOT / "identity_manager/ui/static/ui/icons.svg").read_text()
    assert "fill=" not in sprite
    assert "style=" not in sprite
    assert len(set(ICONS)) == len(ICONS)
