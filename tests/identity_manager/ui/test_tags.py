"""The template tags."""

from datetime import timedelta

import pytest
from django import forms
from django.core.paginator import Paginator
from django.db import models
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import override

from identity_manager.models import SoftwareToken
from identity_manager.ui import cells, states
from identity_manager.ui.parts import Meaning, Pair, StepperStep, TimelineEvent
from identity_manager.ui.templatetags import texts
from identity_manager.ui.templatetags.persons import initials


def draw(source: str, path: str = "/", **context: object) -> str:
    return Template(source).render(Context({"request": RequestFactory().get(path), **context}))


def test_an_address_breaks_at_its_joints_and_stays_text():
    assert texts.breakable("a.b@c.example") == "a.<wbr>b@<wbr>c.<wbr>example"
    assert texts.breakable("<b>. x") == "&lt;b&gt;. x"


@pytest.mark.parametrize(
    ("language", "drawn"), [("en", "Why: late"), ("de", "Why: late"), ("fr", "Why\N{NO-BREAK SPACE}: late")]
)
def test_a_colon_is_written_as_the_language_writes_it(language, drawn):
    with override(language):
        assert draw("{{ label }}{% colon %} late", label="Why") == drawn


def test_a_name_that_runs_left_is_kept_apart_in_a_sentence():
    assert texts.isolated("Uma Lindqvist") == "Uma Lindqvist"
    assert texts.isolated("ليلى حداد") == "\u2068ليلى حداد\u2069"


def test_a_history_folds_what_came_before():
    row = TimelineEvent(timezone.now(), "Approved", "Paul Weber")
    drawn = draw("{% timeline events 2 %}", events=[row] * 5)
    before, _mark, folded = drawn.partition("<details")
    assert (before.count("Approved"), folded.count("Approved")) == (2, 3)
    assert "3 earlier events" in folded
    assert "<details" not in draw("{% timeline events 5 %}", events=[row] * 5)


def test_an_icon_is_silent_unless_it_has_a_label():
    assert 'aria-hidden="true"' in draw('{% icon "mail" %}')
    assert 'role="img" aria-label="Sent"' in draw('{% icon "mail" "Sent" %}')


@pytest.mark.parametrize(
    ("delivery", "ended", "word"),
    [
        ("queued", False, "Waits to be sent"),
        ("queued", True, "Not delivered"),
        ("offered", True, "Not delivered"),
        ("sent", True, "Sent"),
        ("bounced", True, "Came back"),
    ],
)
def test_a_token_that_has_ended_waits_for_no_mail(delivery: str, *, ended: bool, word: str):
    token = SoftwareToken(delivery=delivery, ended_at=timezone.now() if ended else None)
    drawn = draw("{% delivery_badge token %}", token=token)
    assert f"{word}</span>" in drawn
    assert ("means-waiting" in drawn) == (word == "Waits to be sent")


def test_words_are_escaped():
    drawn = draw("{% badge 'done' word %}{% callout 'done' word %}x{% endcallout %}", word="<b>")
    assert "<b>" not in drawn
    assert drawn.count("&lt;b&gt;") == 2


def test_a_block_keeps_its_markup_and_escapes_its_values():
    drawn = draw("{% callout 'waiting' '' %}<p>{{ word }}</p>{% endcallout %}", word="<b>")
    assert "<p>&lt;b&gt;</p>" in drawn


def test_an_unknown_meaning_is_refused():
    with pytest.raises((ValueError, TemplateSyntaxError)):
        draw("{% badge 'good' 'Active' %}")


@pytest.mark.parametrize("model", states.STATES, ids=lambda model: model.__name__)
def test_every_state_has_a_meaning(model: type[models.Model]):
    choices = model._meta.get_field("state").choices
    assert choices
    assert set(states.STATES[model]) == {value for value, _label in choices}


def test_every_delivery_has_a_meaning():
    choices = states.SoftwareToken._meta.get_field("delivery").choices
    assert set(states.DELIVERY) == {value for value, _label in choices}


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("Uma Lindqvist", "UL"), ("山田 太郎", "山"), ("Łukasz von Żółć", "ŁŻ"), ("uma", "U"), ("  ", "?")],
)
def test_initials(name, drawn):
    assert initials(name) == drawn


def test_when_says_the_near_and_holds_the_exact():
    moment = timezone.now() + timedelta(days=6)
    drawn = draw("{% when moment %}", moment=moment)
    assert "in 6 days" in drawn
    assert f'datetime="{moment.isoformat()}"' in drawn
    assert draw("{% when None 'not yet' %}") == "not yet"


def test_the_present_step_is_marked_and_only_that():
    steps = [
        StepperStep(1, "Enable", "done", "Ada"),
        StepperStep(2, "Approve", "skipped"),
        StepperStep(3, "Invite", "now"),
        StepperStep(4, "Accept"),
    ]
    drawn = draw("{% stepper steps %}", steps=steps)
    assert drawn.count('aria-current="step"') == 1
    assert "step-now" in drawn.split('aria-current="step"')[0].rsplit("<li", 1)[1]
    assert "Not needed" in drawn


def test_a_history_says_who_and_when():
    drawn = draw(
        "{% timeline events %}",
        events=[TimelineEvent(timezone.now(), "Approved", "Paul Weber", meaning=Meaning.DONE)],
    )
    assert "Paul Weber" in drawn
    assert "just now" in drawn


def test_key_values_take_pairs_and_tuples():
    drawn = draw(
        "{% keyvalues pairs %}", pairs=[("Serial", "5E"), Pair("Manager", "", note="none"), Pair("Shown", 0)]
    )
    assert "5E" in drawn
    assert "none" in drawn
    assert "<dd><bdi>0</bdi>" in drawn


def test_pages_keep_the_other_parameters():
    page = Paginator(range(2000), 25).page(7)
    drawn = draw("{% pagination page %}", path="/search/?q=uma&page=7", page=page)
    assert "?q=uma&amp;page=8" in drawn
    assert "2,000" in drawn
    assert draw("{% pagination page %}", page=Paginator(range(3), 25).page(1)).strip() == ""


def test_pages_use_the_parameter_they_are_given():
    page = Paginator(range(2000), 25).page(7)
    drawn = draw("{% pagination page 'mails' %}", path="/?page=2", page=page)
    assert "mails=8" in drawn
    assert "page=2" in drawn


@pytest.mark.parametrize(
    ("current", "direction", "following"),
    [
        ("", None, "?sort=surname"),
        ("surname", "ascending", "?sort=-surname"),
        ("-surname", "descending", "?sort=surname"),
    ],
)
def test_a_column_sorts_and_then_the_other_way(current, direction, following):
    drawn = draw("{% sort_header 'surname' 'Name' current %}", path="/?page=3", current=current)
    assert f'href="{following}"' in drawn
    assert (f'aria-sort="{direction}"' in drawn) is (direction is not None)


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", help_text="As written.")
    roles = forms.MultipleChoiceField(choices=[("a", "A")], widget=forms.CheckboxSelectMultiple)


def test_the_error_summary_leads_to_each_field():
    form = SampleForm({})
    form.is_valid()
    form.add_error(None, "Nothing was saved.")
    drawn = draw("{% error_summary form %}", form=form)
    assert '<a href="#id_name">Name: This field is required.</a>' in drawn
    assert 'href="#id_roles_0"' in drawn
    assert "Nothing was saved." in drawn
    assert draw("{% error_summary form %}", form=SampleForm()).strip() == ""


def test_the_error_summary_sets_the_colon_of_the_language():
    form = SampleForm({})
    with override("fr"):
        form.is_valid()
        drawn = draw("{% error_summary form %}", form=form)
    assert "Name\N{NO-BREAK SPACE}: " in drawn


def test_a_cell_without_text_is_empty_so_that_no_label_stands_alone():
    assert cells.isolate("") == ""
    assert cells.isolate("Uma") == "<bdi>Uma</bdi>"


def test_a_secret_is_one_text_with_its_hyphens():
    drawn = draw("{% secret 'AAAAA-BBBBB-CCCCC-DDDDD-EEEEE' %}")
    output = drawn.split("<output")[1].split("</output>")[0].split(">", 1)[1]
    text = "".join(part.split(">")[-1] for part in output.split("<"))
    assert text == "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"


def test_progress_without_numbers_moves_only_for_what_is_under_way():
    assert "<progress aria-label" in draw("{% progress_line 'Keys are made' 'now' %}")
    assert 'value="0"' in draw("{% progress_line 'Keys are made' 'next' %}")
    assert 'max="2" value="1"' in draw("{% progress_line 'Certificates' 'now' 1 2 %}")


def test_validity_says_when_it_is_over():
    now = timezone.now()
    drawn = draw("{% validity begins ends %}", begins=now - timedelta(days=30), ends=now + timedelta(days=10))
    assert 'value="25"' in drawn
    assert "means-waiting" in drawn
    assert "Valid until" in drawn
    assert "Expired" in draw("{% validity now now %}", now=now - timedelta(days=1))


def test_the_text_of_terms_is_headings_and_paragraphs():
    drawn = draw(
        "{% terms_text body %}", body="# What you receive\n\nA file,\nand <b>nothing</b> else.\n\n\n"
    )
    assert "<h3>What you receive</h3>" in drawn
    assert "<p>A file, and &lt;b&gt;nothing&lt;/b&gt; else.</p>" in drawn
    assert drawn.count("<p>") == 1


def test_plain_words_are_escaped_though_the_same_words_were_drawn_as_safe_before() -> None:
    assert ">&amp;</span>" in draw("{% badge 'done' word %}", word=SafeString("&amp;"))
    assert ">&amp;amp;</span>" in draw("{% badge 'done' word %}", word="&amp;")
