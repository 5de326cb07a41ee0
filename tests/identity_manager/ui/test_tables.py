"""The tags table and column."""

import re

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils.translation import override

ROWS = [("<b>one</b>", 1), ("two", 2)]
CHOICE = '{% column "" is_choice=True %}{% choose_row "rows" number name %}{% endcolumn %}'


def drawn(source: str, **context: object) -> str:
    """Without the spaces between tags."""
    return re.sub(r">\s+<", "><", Template(source).render(Context({"rows": ROWS, **context})))


def table(columns: str, options: str = "", **context: object) -> str:
    return drawn("{% table name, number in rows " + options + " %}" + columns + "{% endtable %}", **context)


def test_a_label_stands_above_its_column_and_beside_each_cell():
    html = table('{% column _("State") %}{{ name }}{% endcolumn %}')
    assert html.count("State") == 1 + len(ROWS)
    assert '<th scope="col">State</th>' in html
    assert '<td data-label="State">&lt;b&gt;one&lt;/b&gt;</td>' in html


def test_a_label_is_in_the_language_of_the_page_and_escaped():
    with override("de"):
        assert 'data-label="Status"' in table('{% column _("State") %}{% endcolumn %}')
    assert 'data-label="&lt;&quot;"' in table("{% column label %}{% endcolumn %}", label='<"')


def test_a_row_has_a_head_and_its_numbers_stand_below_their_label():
    html = table(
        '{% column _("Name") is_head=True %}{{ name }}{% endcolumn %}'
        '{% column _("Number") css="numeric" %}{{ number }}{% endcolumn %}'
    )
    assert '<th scope="row">two</th>' in html
    assert '<th scope="col" class="numeric">Number</th>' in html
    assert '<td class="numeric" data-label="Number">2</td>' in html


@pytest.mark.parametrize("acts", [True, False])
def test_a_column_that_is_not_shown_has_neither_head_nor_cell(*, acts: bool):
    html = table(
        '{% column "A" %}{% endcolumn %}{% column "B" shown=acts is_action=True %}x{% endcolumn %}', acts=acts
    )
    assert html.count('<th scope="col"') == 1 + acts
    assert html.count('<td class="row-actions">x</td>') == len(ROWS) * acts


def test_the_label_of_buttons_is_for_screen_readers_alone():
    html = table('{% column _("Actions") is_action=True %}x{% endcolumn %}')
    assert '<th scope="col"><span class="visually-hidden">Actions</span></th>' in html


def test_rows_that_can_be_chosen_begin_with_a_check_box():
    html = table(CHOICE + '{% column "A" %}{% endcolumn %}')
    assert html.count("data-select-all") == 1
    assert html.count('class="row-select"') == len(ROWS)


def test_what_a_tag_before_the_columns_sets_is_of_its_row():
    html = table('{% firstof number as mark %}{% column "A" %}no. {{ mark }}{% endcolumn %}')
    assert ["no. 1<" in html, "no. 2<" in html] == [True, True]


def test_a_table_stacks_on_a_phone_unless_it_is_small():
    column = '{% column "A" %}{% endcolumn %}'
    assert '<div class="table table-stacks"><table><thead>' in table(column)
    assert '<div class="table"><table><thead>' in table(column, "is_small=True")
    captioned = table(column, 'breaks=True caption=_("State")')
    assert (
        '<div class="table table-stacks table-breaks"><table><caption class="visually-hidden">State'
        in captioned
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% table rows %}{% column 'A' %}{% endcolumn %}{% endtable %}",
        "{% table row in rows wide=True %}{% column 'A' %}{% endcolumn %}{% endtable %}",
        "{% table row in rows %}{% column 'A' width=1 %}{% endcolumn %}{% endtable %}",
        "{% table row in rows %}{% if row %}{% column 'A' %}{% endcolumn %}{% endif %}{% endtable %}",
        "{% table row in rows %}{% endtable %}",
        "{% table row in rows %}{% column %}{% endcolumn %}{% endtable %}",
        "{% table row in rows %}more{% column 'A' %}{% endcolumn %}{% endtable %}",
        "{% table row in rows %}{{ row }}{% column 'A' %}{% endcolumn %}{% endtable %}",
        "{% column 'A' %}{% endcolumn %}",
    ],
)
def test_a_table_that_cannot_be_drawn_is_refused(source: str):
    with pytest.raises(TemplateSyntaxError):
        drawn(source)
