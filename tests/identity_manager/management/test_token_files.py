"""The file of passwords of import_tokens: taken as it is written; what is wrong is said without one."""

from pathlib import Path

import pytest

from identity_manager.management.token_files import Folder, UnreadableFileError, passwords


def read(tmp_path: Path, content: bytes) -> dict[str, str]:
    path = tmp_path / "passwords.csv"
    path.write_bytes(content)
    return passwords(path)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"a.p12;secret", "secret"),
        (b"file;password\r\na.p12;secret\r\n", "secret"),
        (b"a.p12,secret\n", "secret"),
        ("\ufeffa.p12;Töpfer €".encode(), "Töpfer €"),
        (b'a.p12;"with ; and "" in it"\n', 'with ; and " in it'),
        (b"a.p12;  blanks stay  \n", "  blanks stay  "),
        (b"a.p12;=1+1\n", "=1+1"),
        (b"a.p12;\n", ""),
        (b"a.p12,both ; in it\n", "both ; in it"),
        (b'"a.p12";"both , in it"\n', "both , in it"),
        (b"\n\na.p12;secret\n\n", "secret"),
    ],
)
def test_a_password_is_taken_as_it_is_written(tmp_path: Path, content: bytes, password: str) -> None:
    assert read(tmp_path, content) == {"a.p12": password}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.p12;Töpfer".encode("latin-1"), "is not in UTF-8"),
        (b"a.p12;secret;more\n", "line 1: two columns are expected, 3 were found"),
        (b"b.p12;x\na.p12\n", "line 2: two columns are expected, 1 were found"),
        (b"a.p12;x\na.p12;secret\n", "line 2: the file is named twice"),
        (b'a.p12;"secret\n', "a quote is not closed"),
    ],
)
def test_what_is_wrong_is_said_without_a_password(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read(tmp_path, content)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_has_its_files_and_not_that_of_the_passwords(tmp_path: Path) -> None:
    (tmp_path / "passwords.csv").write_bytes(b"")
    (tmp_path / "b.p12").write_bytes(b"2")
    (tmp_path / "a.pem").write_bytes(b"1")
    (tmp_path / "more").mkdir()
    folder = Folder(tmp_path, {"b.p12": "x", "gone.p12": "y"}, without=tmp_path / "passwords.csv")
    files = [each() for each in folder.files()]
    assert [(each.name, each.content, each.password) for each in files] == [
        ("a.pem", b"1", None),
        ("b.p12", b"2", "x"),
    ]
    assert (len(folder), folder.unnamed()) == (2, ["gone.p12"])
    with pytest.raises(LookupError):
        folder.keys_of("0" * 64)
