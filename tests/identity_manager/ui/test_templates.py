"""Rules that every template keeps."""

import re
from pathlib import Path

from django.conf import settings

from identity_manager.ui.gallery.samples import ICONS

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "emails" not in path.parts]
SOURCES = [
    path
    for folder in ("identity_manager", "selfservice")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]


def where(paths, found):
    """What each file has that is found in its text; a test for each file would take longer than it looks."""
    return {str(path.relative_to(ROOT)): each for path in paths if (each := found(path.read_text()))}


def test_no_style_and_no_script_in_a_page():
    forbidden = re.compile(r"\sstyle=|<style|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\ssrc=)")
    assert where(PAGES, forbidden.findall) == {}


def test_no_word_stands_before_a_moment_that_does_not_go_with_all_its_words():
    """`when` says "in 6 days" and "9 minutes ago" too, which come neither after until nor after since."""
    moment = re.compile(r"""\b([Uu]ntil|[Ss]ince)(?:["' ]|%\}|\s)*{% when """)
    assert where(PAGES, moment.findall) == {}


def test_the_colon_after_words_of_another_tag_is_the_languages():
    """French has a space before it, so it is a tag's; within a message the translator writes it."""
    messages = re.compile(r"{% blocktranslate.*?endblocktranslate %}", flags=re.DOTALL)
    colon = re.compile(r"[%}]}(?:</\w+>)?:(?=[\s<{])")
    assert where(PAGES, lambda text: colon.findall(messages.sub("", text))) == {}


def test_a_button_does_not_stick_to_the_table_above_it():
    close = re.compile(r'<form class="stack stack-close"(.*?)</form>', flags=re.DOTALL)
    table_and_button = re.compile(r'{% table .*class="actions"', flags=re.DOTALL)
    assert where(PAGES, lambda text: list(filter(table_and_button.search, close.findall(text)))) == {}


def test_a_column_is_declared_once_with_its_label():
    """By the tags of a table, or in code; what draws those, and a page for paper, have cells of their own."""
    drawing = {
        "templates/identity_manager/lists/table.html",
        "templates/identity_manager/print/document.html",
        "templates/identity_manager/reports/report.html",
        "templates/ui/gallery_lists.html",
        "templates/ui/table.html",
    }
    assert set(where(PAGES, re.compile("<table|<td|data-label").findall)) == drawing


def test_the_buttons_of_a_page_stand_beside_its_title():
    """After the sentence below the title they would stand alone in a line of their own."""
    head = re.compile(r'<header class="page-head">(.*?)</header>', flags=re.DOTALL)
    late = re.compile(r'class="page-lead.*class="actions', flags=re.DOTALL)
    assert where(PAGES, lambda text: list(filter(late.search, head.findall(text)))) == {}


def test_every_icon_is_drawn_in_the_sprite():
    icon = re.compile(r"""{% icon "([^"]+)"|\bicon(?:_name)?="([^"]+)\"""")
    drawn = {*ICONS, ""}
    assert where([*TEMPLATES, *SOURCES], lambda text: set().union(*icon.findall(text)) - drawn) == {}


def test_no_template_asks_politely_or_shouts():
    words = re.compile(r'{% translate "([^"]*(?:!|\b[Pp]lease\b)[^"]*)"')
    assert where(TEMPLATES, words.findall) == {}


def test_the_sprite_draws_lines_only():
    sprite = (ROOT / "identity_manager/ui/static/ui/icons.svg").read_text()
    assert "fill=" not in sprite
    assert "style=" not in sprite
    assert len(set(ICONS)) == len(ICONS)
