"""The language of the company's mail texts: what is not in its closed lists is refused, with its place."""

import time

import pytest
from liquid.exceptions import LiquidError

from identity_manager.mail.company_texts import liquid

KNOWN = dict.fromkeys(("person.name", "token.type", "flag"), True)
VALUES = {"person.name": "Eva <Müller>", "token.type": "VPN", "flag": "yes"}


def faults(source: str) -> list[str]:
    return [f"{each.line}:{each.column} {each.sentence}" for each in liquid.faults(source, known=KNOWN)]


def rendered(source: str, **values: str) -> str:
    assert faults(source) == []
    return liquid.render(liquid.parse(source), {**VALUES, **values})


def test_placeholders_and_conditions_are_filled_in() -> None:
    assert rendered("Dear {{ person.name }},") == "Dear Eva <Müller>,"
    assert rendered("{% if flag %}a{% else %}b{% endif %}") == "a"
    assert rendered("{% if flag %}a{% else %}b{% endif %}", flag="") == "b"
    assert (
        rendered("{% unless flag %}a{% endunless %}{% case token.type %}{% when 'VPN' %}v{% endcase %}")
        == "v"
    )
    assert rendered("{{ flag | default: token.type | upcase }}", flag="") == "VPN"
    assert rendered("{% comment %}{{ x }} {% for %}{% endcomment %}!") == "!"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("Dear\n  {{ person.nam }}", "2:6 There is no placeholder person.nam in this mail."),
        ("{{ person }}", "1:4 There is no placeholder person in this mail."),
        ("{{ person.__class__ }}", "1:4 There is no placeholder person.__class__ in this mail."),
        ("{{ person.name.size }}", "1:4 There is no placeholder person.name.size in this mail."),
        ("{{ person[flag] }}", "1:4 There is no placeholder person[flag] in this mail."),
        (
            "{% if settings.SECRET_KEY %}{% endif %}",
            "1:7 There is no placeholder settings.SECRET_KEY in this mail.",
        ),
        ("a\n\n{% if flag %}b", "3:1 {% if %} is never closed. Write {% endif %} after what belongs to it."),
        ("{% if flag %}{% endunless %}", "1:14 {% endunless %} has nothing that it belongs to."),
        ("{% else %}", "1:1 {% else %} has nothing that it belongs to."),
        ("Dear {{ person.name", "1:6 {{ has no counterpart."),
        ("{{ person.name }} }}", "1:19 }} has no counterpart."),
        ("{% if flag == 'a' and %}{% endif %}", "1:1 This cannot be read."),
    ],
)
def test_a_fault_has_a_sentence_with_line_and_column(source: str, fault: str) -> None:
    assert fault in faults(source)


@pytest.mark.parametrize(
    "tag",
    [
        "for",
        "assign",
        "capture",
        "include",
        "render",
        "liquid",
        "echo",
        "cycle",
        "tablerow",
        "raw",
        "doc",
        "#",
    ],
)
def test_no_other_tag_is_there(tag: str) -> None:
    assert any("is not known here" in fault for fault in faults(f"{{% {tag} x %}}"))
    with pytest.raises(LiquidError):
        liquid.parse(f"{{% {tag} x %}}")


@pytest.mark.parametrize(
    "name", ["escape", "safe", "replace", "append", "times", "date", "split", "map", "slice"]
)
def test_no_other_filter_is_there(name: str) -> None:
    source = f"{{{{ person.name | {name}: 'x', 'y' }}}}"
    assert any(f"The filter {name} is not known here." in fault for fault in faults(source))
    with pytest.raises(LiquidError):
        liquid.render(liquid.parse(source), VALUES)


@pytest.mark.parametrize("source", ["{{ (1..100000000) }}", "{% if flag contains (1..9) %}{% endif %}"])
def test_nothing_counts(source: str) -> None:
    assert any("Two dots" in fault for fault in faults(source))


def test_values_are_text_alone() -> None:
    """A placeholder in a value is not filled in, and an object is not reached."""
    assert (
        rendered("{{ person.name }}", **{"person.name": "{{ token.type }}{% if %}"})
        == "{{ token.type }}{% if %}"
    )


def test_output_is_bounded() -> None:
    with pytest.raises(LiquidError):
        liquid.render(liquid.parse("{{ flag }}" * 1000), {"flag": "x" * 4000})


@pytest.mark.parametrize(
    "source",
    [
        "{{" * 5000,
        "{%" * 5000,
        "{{ flag" + " | upcase" * 1100 + " }}",
        "{{ " + " " * 9990 + " }}",
        "{% if " + " and ".join(["flag"] * 1100) + " %}{% endif %}",
        "{% if flag %}" * 700,
        "{{ " + "(" * 9000 + " }}",
        "{% comment %}" * 700,
    ],
    ids=range(8),
)
def test_the_worst_texts_are_refused_quickly(source: str) -> None:
    begun = time.process_time()
    assert faults(source)
    assert time.process_time() - begun < 1


def test_the_longest_text_takes_little_time() -> None:
    source = "{% if flag %}{{ person.name | upcase }}{% endif %}\n" * 190
    assert faults(source) == []
    begun = time.process_time()
    liquid.render(liquid.parse(source), VALUES)
    assert time.process_time() - begun < 1
