"""What a person's fields may hold, by whichever way the person enters."""

import pytest

from ca_bridge.errors import CaError
from identity_manager.people.identity import email_addresses
from identity_manager.people.validation import clean

GOOD = {"personnel_number": "1", "given_name": "Ada", "surname": "Berg"}


def errors(**values: str) -> dict[str, str]:
    return {error.field: error.sentence for error in clean(GOOD | values).errors}


@pytest.mark.parametrize(
    "name",
    [
        "Jürgen",
        "O'Neill",
        "Marie-Luise",
        "太郎",
        "عمر",
        "Nguyễn",
        "प्रिया",
        "J. R. R.",
        "3rd",
        "N’Diaye",
        "x" * 200,
    ],
)
def test_names_of_every_script_are_kept(name: str) -> None:
    assert clean(GOOD | {"given_name": name}).values["given_name"] == name


def test_names_are_normalised_and_trimmed() -> None:
    values = clean(GOOD | {"given_name": "  Ju\u0308rgen "}).values
    assert values["given_name"] == "J\u00fcrgen"


@pytest.mark.parametrize(
    ("name", "code_points"),
    [
        ("Ada\nBcc: x", "U+000A"),
        ("Ada\tB", "U+0009"),
        ("Ada\x00", "U+0000"),
        ("Ada\x7f", "U+007F"),
        ("Ada\x85B", "U+0085"),
        ("Ada\u202eadA", "U+202E"),
        ("Ada\u2066x\u2069", "U+2066, U+2069"),
        ("A\u200fda", "U+200F"),
        ("Ada\u2028x", "U+2028"),
        ("A\ue000da", "U+E000"),
        ("A\U000f0000da", "U+F0000"),
        ("A\ud800da", "U+D800"),
        ("A\ufffeda", "U+FFFE"),
        ("می\u200cخواهم", "U+200C"),  # drawn as nothing: two names would look like one
        ("A\u200bda", "U+200B"),
        ("A\u00adda", "U+00AD"),
        ("A\u034fda", "U+034F"),
        ("\u3164", "U+3164"),
        ("A\u115f\u1160", "U+115F, U+1160"),
        ("Ada\ufe0f", "U+FE0F"),
        ("Ada\U000e0041", "U+E0041"),
    ],
)
@pytest.mark.parametrize("field", ["given_name", "surname", "display_name", "department", "personnel_number"])
def test_characters_that_deceive_are_refused_by_code_point(field: str, name: str, code_points: str) -> None:
    assert code_points in errors(**{field: name})[field]


@pytest.mark.parametrize("field", ["given_name", "surname", "personnel_number"])
@pytest.mark.parametrize("value", ["", "   ", "\u00a0"])
def test_what_is_needed_must_be_there(field: str, value: str) -> None:
    assert errors(**{field: value}) == {field: f"Enter the {field.replace('_', ' ')}."}


def test_what_is_not_given_at_all_is_needed_too() -> None:
    assert [error.field for error in clean({"surname": "Berg"}).errors] == ["personnel_number", "given_name"]


@pytest.mark.parametrize("value", ["...", "'", "😀", "\u2800."])
def test_a_name_holds_a_letter(value: str) -> None:
    assert errors(given_name=value) == {"given_name": "Holds no letter."}


@pytest.mark.parametrize("value", ["\u2800", "\u2800 \u2800", "\U00013441", "\U0001d159"])
@pytest.mark.parametrize("field", ["given_name", "display_name", "personnel_number", "department"])
def test_what_is_drawn_as_a_blank_is_none(field: str, value: str) -> None:
    assert errors(**{field: value}) == {field: "Shows nothing but blanks."}


@pytest.mark.parametrize("value", ["=1+1", "+49", "-2", "@SUM(A1)", ' =HYPERLINK("x")'])
@pytest.mark.parametrize("field", ["surname", "department", "email", "external_id"])
def test_formulas_are_refused(field: str, value: str) -> None:
    assert "formula" in errors(**{field: value})[field]


@pytest.mark.parametrize(
    ("field", "bound"),
    [
        ("given_name", 200),
        ("personnel_number", 64),
        ("department", 200),
        ("external_id", 200),
        ("manager", 64),
    ],
)
def test_lengths_are_those_of_the_columns(field: str, bound: int) -> None:
    assert errors(**{field: "x" * bound}) == {}
    assert errors(**{field: "x" * (bound + 1)}) == {field: f"Is longer than {bound} characters."}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Berg+x@Example.COM", "Ada.Berg+x@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.example", "ada@xn--r8jz45g.example"),
        ("ada@ελληνικά.example", "ada@xn--hxargifdar.example"),
        ("ada@президент.example", "ada@xn--d1abbgf6aiiy.example"),
    ],
)
def test_addresses_have_one_form(address: str, kept: str) -> None:
    assert email_addresses.canonical(address) == kept


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "ada@example..com",
        "ada berg@example.com",
        "ada@exa mple.com",
        "ada@example.com\nBcc: x@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "jürgen@example.com",
        "аda@example.com",
        f"{'x' * 65}@example.com",
        f"ada@{'x' * 64}.com",
        "ada@[127.0.0.1]",
        "ada@localhost",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert "email" in errors(email=address)


def test_what_an_address_must_be_like_is_said() -> None:
    assert "no other letters than a to z" in errors(email="j\u00fcrgen@example.com")["email"]
    assert "like name@example.com" in errors(email="nobody")["email"]
    assert "no user principal name. It must be like name@corp" in errors(upn="uma")["upn"]


@pytest.mark.parametrize(
    "domain",
    [
        "ex\u0430mple.com",  # Cyrillic a among Latin letters
        "\u0440\u0430\u0443\u0440\u0430l.com",
        "g\u03bf\u03bfgle.com",  # Greek omicron
        "\u0430\u0440\u0440\u04cf\u0435.com",  # nothing but Cyrillic that looks Latin
        "xn--exmple-4nf.com",
    ],
)
def test_look_alike_domains_are_refused_by_code_point(domain: str) -> None:
    with pytest.raises(CaError, match=r"U\+0|cannot stand"):
        email_addresses.canonical(f"ada@{domain}")
    assert "email" in errors(email=f"ada@{domain}")


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("upn", "ada@corp.example.com", "ada@corp.example.com"),
        ("sid", "s-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1001"),
        ("sid", "S-1-5-21-0-4294967295-3-500", "S-1-5-21-0-4294967295-3-500"),
        ("upn", "Jürgen@corp.example.com", "Jürgen@corp.example.com"),
        ("upn", "\u0438\u0432\u0430\u043d@corp.example.com", "\u0438\u0432\u0430\u043d@corp.example.com"),
        ("upn", "\u592a\u90ce@corp.example.com", "\u592a\u90ce@corp.example.com"),
        ("kind", "External", "external"),
        ("language", "DE", "de"),
        ("time_zone", "Asia/Tokyo", "Asia/Tokyo"),
        ("state", "active", "active"),
        ("state", "", ""),
        ("email", "", ""),
    ],
)
def test_known_values_are_kept(field: str, value: str, kept: str) -> None:
    assert clean(GOOD | {field: value}).values[field] == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upn", "ada"),
        ("upn", "ada@corp@example.com"),
        ("upn", "a da@corp"),
        ("sid", "S-1-5"),
        ("sid", "S-1-1-0"),
        ("sid", "S-1-5-21-x"),
        ("sid", "1-5-21"),
        ("sid", "S-1-5-32-544"),
        ("sid", "S-1-5-21-1-2-3"),
        ("sid", "S-1-5-21-1-2-3-4-5"),
        ("sid", "S-1-5-21-01-2-3-1001"),
        ("sid", "S-1-5-21-1-2-3-+1001"),
        ("sid", "S-1-05-21-1-2-3-1001"),
        ("sid", "S-1-0x5-21-1-2-3-1001"),
        ("sid", "S-1-5-21-4294967296-2-3-1001"),
        ("sid", "S-1-5-21-1-2-3-\u0661\u0660\u0660\u0661"),  # Arabic digits
        ("sid", "S-1-12-1-1-2-3-4"),
        ("upn", "a\u00adda@corp.example.com"),
        ("upn", "ada\u200b@corp.example.com"),
        ("upn", "ada@corp\u2060.example.com"),
        ("upn", "\u0430da@corp.example.com"),  # Cyrillic a
        ("upn", "\u0430\u0441\u0435@corp.example.com"),  # nothing but letters that look Latin
        ("upn", "\u0430\u0441\u0435.1@corp.example.com"),
        ("upn", "ada@c\u043erp.example.com"),
        ("upn", "\uff41da@corp.example.com"),  # full width
        ("upn", "\U0001d41ada@corp.example.com"),  # mathematical bold
        ("upn", "o\ufb03ce@corp.example.com"),  # ligature
        ("kind", "robot"),
        ("language", "fr"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("state", "retired"),
    ],
)
def test_unknown_values_are_refused(field: str, value: str) -> None:
    assert list(errors(**{field: value})) == [field]
