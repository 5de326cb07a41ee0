"""Files of persons as they come: encodings, separators, and what is wrong with the rest."""

import codecs

import pytest

from identity_manager.directory.csv_file import UnreadableFile, read

pytestmark = pytest.mark.long

TEXT = "personnel_number,given_name,surname,department\n1,Jürgen,Weiß,Ein- und Verkauf\n2,太郎,山田,\n"
VALUES = [
    {"personnel_number": "1", "given_name": "Jürgen", "surname": "Weiß", "department": "Ein- und Verkauf"},
    {"personnel_number": "2", "given_name": "太郎", "surname": "山田", "department": ""},
]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("utf-16"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("personnel_number", ' "Personnel_Number" '.strip()).encode(),
        ("\n\n" + TEXT).encode(),
        TEXT.rstrip("\n").encode(),
    ],
    ids=[
        "utf-8",
        "bom",
        "utf-16",
        "utf-16-be",
        "semicolon",
        "unicode text",
        "crlf",
        "cr",
        "case",
        "leading",
        "no-end",
    ],
)
def test_what_spreadsheets_and_directories_write_is_read(content: bytes) -> None:
    assert [row.values for row in read(content)] == VALUES


def test_columns_come_in_any_order() -> None:
    (row,) = read(b"surname;personnel_number;given_name\nA;1;B\n")
    assert row.values == {"surname": "A", "personnel_number": "1", "given_name": "B"}


def test_a_line_number_is_where_the_record_begins() -> None:
    text = 'personnel_number,given_name,surname\n1,A,B\n\n2,"A\nB",C\n3,A,B\n,,\n4,A,B\n'
    assert [(row.line, row.values["personnel_number"]) for row in read(text.encode())] == [
        (2, "1"),
        (4, "2"),
        (6, "3"),
        (8, "4"),
    ]


def test_a_line_with_too_few_or_too_many_values_says_so() -> None:
    text = "personnel_number,given_name,surname\n1,A\n2,A,B,C\n3,A,B\n"
    assert [bool(row.problem) for row in read(text.encode())] == [True, True, False]


HEADER = "personnel_number,given_name,surname"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"personnel_number,given_name\n1,A\n", "lacks the column surname"),
        (f"{HEADER},salary\n".encode(), "unknown column, 'salary'"),
        (f"{HEADER},e\u202email\n".encode(), "unknown column, 'e\\u202email'"),
        (f"{HEADER},surname\n".encode(), "surname twice"),
        (f"{HEADER}\n1,A,B\n2,Jürgen,C\n".encode("latin-1"), "line 3 holds other bytes"),
        (TEXT.encode("utf-16")[:-1], "neither UTF-8 nor UTF-16"),
        (f"{HEADER}\n1,A,B\n".encode("utf-16-le"), "zero bytes"),
        (f'{HEADER}\n1,"A"x,B\n'.encode(), "Line 2 is not CSV"),
        (f'{HEADER}\n1,"A,B\n'.encode(), "is not CSV"),
        (f"{HEADER}\n1,{'x' * 200_000},B\n".encode(), "Line 2 is not CSV"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "line 1 holds other bytes"),
        (b"PK\x03\x04\x00\x00", "zero bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(content: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFile, match=r".*") as refused:
        read(content)
    assert sentence in str(refused.value)
