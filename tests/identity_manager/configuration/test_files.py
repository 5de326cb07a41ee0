"""A configuration file: written the same each time, read within bounds, refused by name and line."""

import time
import tomllib
from typing import Any

import pytest

from identity_manager.audit import keys
from identity_manager.configuration import signature
from identity_manager.configuration.kind import ConfigurationKind
from identity_manager.configuration.reading import MOST_BYTES, Lines, read, text_of
from identity_manager.configuration.registry import KINDS
from identity_manager.configuration.writing import _value, exported
from identity_manager.configuration.writing import text_of as written
from identity_manager.transactions.refusals import NotPossible
from identity_manager.vault.key_ring import KeyRing, new_key
from tests.tools.cast import Company

pytestmark = pytest.mark.long

HEAD = "format = 1\n"
CLIENT = '[[api-client]]\ncode = "HR"\nscopes = ["persons:read"]\ndays = 9\n'

NASTY = [
    *(
        'a"""b',
        'ends with "',
        "a\\\n b",
        "\n",
        "\n\n x",
        "a\r\nb",
        "tab\t\n",
        '"""\n',
        "x\x7f\n",
        "\x00\x1f",
        "",
    ),
    *("# signed with\n", "\\", "\\\n", "\U0001f511 \u202e", "'''\n", '""""""\n', "x\n\\u0041", "\ufeff"),
]


@pytest.mark.parametrize("text", NASTY)
def test_what_is_written_is_read_as_it_was(text: str) -> None:
    for value in (text, text + text, [text, [text, True]], {text: {text: [{text: -1}]}, "a b": 2**53}):
        assert tomllib.loads(f"x = {_value(value)}\n") == {"x": value}


def refused(text: str) -> str:
    with pytest.raises(NotPossible) as found:
        read(text)
    return str(found.value)


@pytest.mark.django_db
def test_an_export_is_read_and_written_again_byte_by_byte(company: Company) -> None:
    text = exported()
    again: dict[str, dict[str, Any]] = {}
    for entry in read(text):
        again.setdefault(entry.kind.name, {})[entry.code] = entry.values
    assert (written(again), exported()) == (text, text)
    for said in (
        '[[token-type]]\ncode = "signature"',
        "[terms.texts.de]",
        '  ["commonName", "{display_name}"],',
    ):
        assert said in text
    assert text.index('"signature"') < text.index('code = "vpn"')
    assert "number = " not in text


@pytest.mark.parametrize(
    "name",
    [
        "role",
        "roles",
        "officer",
        "recovery-certificate",
        "recovery_certificates",
        "persons",
        "approver-group",
        "account",
    ],
)
def test_what_is_decided_here_is_never_brought_by_a_file(name: str) -> None:
    told = refused(f'{HEAD}\n{CLIENT}\n[[{name}]]\ncode = "x"\n')
    assert told.startswith(f"Line 8: {name} cannot be in a configuration file. Roles,")
    assert refused(f"{HEAD}{CLIENT}{name} = 'ada'\n").startswith(f"Line 6: {name} cannot be in a")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[setting]]\nname = 'DEBUG'\n", "Line 2: there is no setting in a configuration file."),
        ("CATALOGUE_FOUR_EYES = false\n", "Line 2: there is no CATALOGUE_FOUR_EYES in"),
        ("[api-client]\ncode = 'HR'\n", "Line 2: there is no api-client in"),
        (CLIENT + "digest = 'aa'\n", "Line 6: api-client has no key digest."),
        (CLIENT + "four_eyes = false\n", "Line 6: api-client has no key four_eyes."),
        (CLIENT + "\n" + CLIENT, "Line 8: HR is there twice."),
        (CLIENT.replace("days = 9\n", ""), "Line 2: the key days is missing."),
        (CLIENT.replace("9", "9.5"), "Line 5: days has to be a whole number."),
        (CLIENT.replace("9", "nan"), "Line 5: days has to be a whole number."),
        (CLIENT.replace("9", "true"), "Line 5: days has to be a whole number."),
        (CLIENT.replace("9", "-1"), "Line 5: days has to be a whole number."),
        (CLIENT.replace("9", "99999999999"), "Line 5: days has to be a whole number."),
        (CLIENT.replace("9", "2026-01-01"), "Line 5: days has to be a whole number."),
        (CLIENT.replace('["persons:read"]', '"persons:read"'), "Line 4: scopes has to be a list of texts."),
        (CLIENT.replace("persons:read", "a\\u0000b"), "Line 4: scopes has to be a list of texts."),
        (CLIENT.replace('"HR"', '""'), "Line 3: each entry needs a code that can name it."),
        (CLIENT.replace('"HR"', '"a\\u202eb"'), "Line 3: each entry needs a code that can name it."),
        (CLIENT.replace('"HR"', "7"), "Line 3: each entry needs a code that can name it."),
        ('[[profile]]\ncode = "../x"\n', "Line 3: each entry needs a code that can name it."),
        (
            '[[terms]]\ncode = "t"\nnames_archiving = "all"\n',
            "Line 4: names_archiving has to be one of none,",
        ),
        ('[[terms]]\ncode = "t"\nname = "x"\n', "Line 4: name has to be a table of texts."),
        ('x = """\n[[role]]\n"""\n[[oops]]\n', "Line 2: there is no x in"),
        ('[[terms]]\ncode = "t"\ncode = "u"\n', "This is no TOML: Cannot overwrite a value (at line 4"),
        ("x = " + "[" * 100_000, "This is no TOML: it is nested too deeply."),
        ("x = " + "9" * 5_000, "This is no TOML: Exceeds the limit"),
        ("x\n", "This is no TOML: "),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_line(text: str, told: str) -> None:
    assert told in refused(HEAD + text)


def test_a_text_that_looks_like_a_table_does_not_move_the_lines() -> None:
    terms = '[[terms]]\ncode = "t"\n[terms.texts.en]\ntitle = "x"\nbody = """\n[[terms]]\n[[terms]]\n"""\n'
    assert "Line 10: HR is there twice" not in refused(HEAD + terms + CLIENT + CLIENT)
    assert "Line 15: HR is there twice." in refused(HEAD + terms + CLIENT + CLIENT)


def test_quotes_in_a_comment_do_not_move_the_lines() -> None:
    odd = '# """ \'\'\' it\'s\nx = """a""""" # """\n'
    assert "Line 3: there is no x in" in refused(HEAD + odd)
    assert "Line 8: HR is there twice." in refused(HEAD + odd[: odd.index("x")] + CLIENT + CLIENT)


@pytest.mark.parametrize(
    "text",
    ["# " + '\\"""' * 20_000, "x = [\n[" + " " * 20_000 + "\n]]"],
    ids=["quotes", "blanks"],
)
def test_no_text_makes_the_lines_slow(text: str) -> None:
    """Milliseconds where time grows with the length, half a minute and more where with its square."""
    begun = time.process_time()
    Lines(HEAD + text)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("text", ["", "format = 2\n", "format = '1'\n", CLIENT])
def test_another_format_is_refused(text: str) -> None:
    assert "format = 1" in refused(text)


def test_a_file_has_bounds() -> None:
    assert "1.5 MB" in refused(HEAD + "#" * MOST_BYTES)
    many = "".join(CLIENT.replace("HR", f"c{number}") for number in range(1001))
    assert "1,000 entries" in refused(HEAD + many)
    with pytest.raises(NotPossible, match=r"1\.5 MB"):
        text_of(b"x" * (MOST_BYTES + 1))
    with pytest.raises(NotPossible, match="UTF-8"):
        text_of(b"\xff")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_no_kind_exports_a_secret_or_a_person(kind: ConfigurationKind) -> None:
    """Names of fields that hold one, wherever they stand in the product."""
    forbidden = (
        "secret",
        "password",
        "token_",
        "digest",
        "wrapped",
        "seal",
        "actor",
        "asked_by",
        "decided_by",
    )
    assert not [name for name in kind.keys if name.startswith(forbidden) or name.endswith(("_by", "_secret"))]


# --- Where a file comes from -----------------------------------------------------------------------
def test_a_signature_proves_the_origin(settings: Any) -> None:
    text = signature.signed(HEAD)
    assert signature.origin_of(text).is_own
    assert read(text) == []
    own = keys.public_keys()[-1]
    settings.AUDIT_SIGNING_KEYS = KeyRing.fixed(f"1:{new_key()}")
    with pytest.raises(NotPossible, match="not known here"):
        signature.origin_of(text)
    settings.CONFIGURATION_SIGNERS = [own]
    known = signature.origin_of(text)
    assert (known.key, known.is_own) == (own, False)
    assert signature.origin_of(HEAD).key == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("format = 1", "format = 1 "),
        lambda text: text.replace("# signed with", "#signed with"),
        lambda text: text[:-20] + "\n",
        lambda text: text + "\n# signed with nobody",
    ],
)
def test_a_changed_file_is_not_signed(change: Any) -> None:
    with pytest.raises(NotPossible, match="does not fit"):
        signature.origin_of(change(signature.signed(HEAD)))


def test_terms_may_say_signed_with() -> None:
    assert signature.origin_of('format = 1\nx = """\n# signed with ink\n"""\n').key == ""
