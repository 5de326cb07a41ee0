"""The gallery: every part, in every state; in the embedded mode only (tests/browser/ has it too)."""

import re
from pathlib import Path

from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from identity_manager.ui.gallery.samples import ERRORS
from identity_manager.ui.templatetags import badges, blocks, frame, lists, moments, persons, texts

TAGS = (badges, blocks, lists, moments, persons, texts)


def test_it_shows_every_part(db):
    response = Client().get(reverse("ui:gallery"))
    drawn = response.content.decode()
    assert response.status_code == 200
    for part in ("stepper", "timeline", "keyvalues", "choice", "secret-words", "selection", "dialog", "menu"):
        assert f'class="{part}' in drawn, part


def drawn_templates(*addresses):
    """The names of all templates that these pages are made of."""
    frame.rendered.cache_clear()  # what was rendered once is not rendered again
    responses = [Client().get(address) for address in addresses]
    assert {response.status_code for response in responses} == {200}
    return {template.name for response in responses for template in response.templates}


def test_it_shows_each_part_that_there_is(db):
    """A part without a place here is one that nobody looks at."""
    folder = Path(settings.BASE_DIR) / "templates"
    files = [path for path in (folder / "ui").rglob("*.html") if "{% extends" not in path.read_text()]
    parts = {str(path.relative_to(folder)) for path in files}
    errors = [reverse("ui:gallery-error", args=[which]) for which in ERRORS]
    assert parts - drawn_templates(reverse("ui:gallery"), *errors) == set()
    pages = {path.name for path in folder.glob("[45]*.html")}
    assert pages - drawn_templates(*errors) == set()


def test_it_shows_each_tag_that_draws(db):
    sources = [path.read_text() for path in (Path(settings.BASE_DIR) / "templates" / "ui").glob("*.html")]
    used = set(re.findall(r"{% (\w+)", "".join(sources)))
    assert {tag for each in TAGS for tag in each.register.tags} - used - {
        f"end{name}" for name in used
    } == set()


def test_a_sample_of_an_error_is_none(db):
    assert Client().get(reverse("ui:gallery-error", args=["nothing"])).status_code == 404
    with override_settings(EMBEDDED=False):
        assert Client().get(reverse("ui:gallery-error", args=["500"])).status_code == 404


@override_settings(EMBEDDED=False)
def test_it_is_not_there_in_production(db):
    assert Client().get(reverse("ui:gallery")).status_code == 404
