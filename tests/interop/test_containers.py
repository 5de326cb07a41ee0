"""Delivered files in the programs that people open them with."""

import re
from pathlib import Path

import pytest
from asn1crypto import pkcs12 as asn1_pkcs12
from pytest_django import Settings

from ca_bridge.pkcs12 import reader as pkcs12_reader
from identity_manager.mail import install
from identity_manager.models.catalogue.token_type import KEY_ALGORITHMS
from tests.interop import tokens
from tests.interop.conftest import Deliver
from tests.interop.container_readers import READERS, Job, Reader
from tests.interop.matrix import DOCUMENT, VERSIONS, YES, Matrix, parse
from tests.interop.tokens import DeliveredToken, TokenFile
from tests.tools import cast
from tests.tools.commands import NotOpenedError, ended, run

pytestmark = pytest.mark.long

NAMES = {"given_name": "Jürgen", "surname": "Müller-Groß", "display_name": "Jürgen Müller-Groß 山田太郎"}
WORDS = dict(KEY_ALGORITHMS)
EVERY = [(kind, algorithm) for algorithm in tokens.ALGORITHMS for kind in tokens.KINDS]


def _marks_of(kind: str, algorithm: str) -> tuple[pytest.MarkDecorator, ...]:
    """Before each change a key of either kind; nightly each kind of token with each algorithm."""
    often = (kind, algorithm) in {("smime", "ec-p256"), ("smime", "rsa-3072")}
    return () if often else (pytest.mark.nightly,)


every_reader = pytest.mark.parametrize(
    "reader", [pytest.param(each, marks=pytest.mark.needs_program(*each.needs)) for each in READERS], ids=str
)
every_token = pytest.mark.parametrize(
    ("kind", "algorithm"),
    [pytest.param(*each, marks=_marks_of(*each)) for each in EVERY],
)


def job(file: TokenFile, passphrase: str, directory: Path) -> Job:
    workshop = directory / file.name.removesuffix(".p12")
    workshop.mkdir()
    container, secret = workshop / file.name, workshop / "passphrase"
    container.write_bytes(file.content)
    secret.write_text(f"{passphrase}\n", encoding="ascii")
    return Job(container, secret, workshop)


@every_token
@every_reader
def test_every_file_opens(
    deliver: Deliver, matrix: Matrix, reader: Reader, kind: str, algorithm: str, tmp_path: Path
) -> None:
    token = deliver(kind, algorithm, **NAMES)
    matrix.program(reader.name, reader.version)
    for file in token.files:
        opens = is_opened(reader, file, token, tmp_path)
        row = f"{file.format}, {WORDS[algorithm]}"
        matrix.says("Containers", row=row, column=reader.name, word=YES if opens else "no")


def is_opened(reader: Reader, file: TokenFile, token: DeliveredToken, directory: Path) -> bool:
    try:
        seen = reader.open(job(file, token.passphrase, directory))
    except NotOpenedError as error:
        print(error)  # noqa: T201 - pytest shows it where the document says something else
        return False
    assert seen.keys == 1
    assert seen.certificates == {file.certificate, token.issuer}
    if seen.names is not None:
        (name,) = seen.names
        assert name.casefold() == friendly_name_of(file, token).casefold()  # Java writes it small
    return True


def friendly_name_of(file: TokenFile, token: DeliveredToken) -> str:
    """As a reader that shares nothing with the writer sees it."""
    (name,) = {bag.friendly_name for bag in bags_of(file, token) if bag.friendly_name}
    assert name.startswith(f"{NAMES['display_name']} – ")
    return name


def bags_of(file: TokenFile, token: DeliveredToken) -> tuple[pkcs12_reader.Bag, ...]:
    return pkcs12_reader.read(file.content, token.passphrase)


@every_reader
@pytest.mark.parametrize("container_format", tokens.FORMATS)
def test_a_wrong_passphrase_is_refused(
    deliver: Deliver, reader: Reader, container_format: str, tmp_path: Path
) -> None:
    token = deliver("smime", "ec-p256", **NAMES)
    (file, _other) = token.in_format(container_format)
    wrong = token.passphrase[:-1] + ("A" if token.passphrase[-1] != "A" else "B")

    with pytest.raises(NotOpenedError):
        reader.open(job(file, wrong, tmp_path))


@pytest.mark.parametrize("kind", ["smime", "encryption"])
def test_names_are_unique(deliver: Deliver, kind: str) -> None:
    """Java's keytool overwrites entries of equal names without a word."""
    made = [deliver(kind, "ec-p256", **NAMES), deliver("smime", "rsa-2048", **NAMES)]
    files = [(file, token) for token in made for file in token.in_format("standard")]
    assert len({friendly_name_of(file, token).casefold() for file, token in files}) == len(files)


@pytest.mark.needs_program("keytool")
def test_one_keystore_takes_all_files_of_a_person(deliver: Deliver, tmp_path: Path) -> None:
    reader = next(each for each in READERS if each.name.startswith("Java"))
    token = deliver("smime", "ec-p256", **NAMES)
    secret, store = tmp_path / "passphrase", tmp_path / "store.p12"
    secret.write_text(token.passphrase, encoding="ascii")
    for file in token.in_format("standard"):
        source = tmp_path / file.name
        source.write_bytes(file.content)
        command = (
            reader.needs[0],
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            source,
            "-destkeystore",
            store,
        )
        run(*command, "-srcstorepass:file", secret, "-deststorepass:file", secret)
    listed = run(reader.needs[0], "-list", "-keystore", store, "-storepass:file", secret).decode()
    assert listed.count("PrivateKeyEntry") == 2


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("algorithm", ["ec-p256", "rsa-2048"])
@pytest.mark.parametrize("container_format", tokens.FORMATS)
def test_algorithms_are_those_of_the_format(
    deliver: Deliver, matrix: Matrix, container_format: str, algorithm: str, tmp_path: Path
) -> None:
    token = deliver("smime", algorithm, **NAMES)
    for file in token.in_format(container_format):
        encryption, mac = as_openssl_says(job(file, token.passphrase, tmp_path))
        matrix.says("Algorithms", row=container_format, column="Encryption", word=encryption)
        matrix.says("Algorithms", row=container_format, column="MAC", word=mac)


def as_openssl_says(work: Job) -> tuple[str, str]:
    """Encryption, the same for key and certificates; and MAC."""
    done = ended("openssl", "pkcs12", "-info", "-noout", "-in", work.container,
                 "-passin", f"file:{work.passphrase}")  # fmt: skip
    out = done.stderr.decode()
    assert done.returncode == 0, out
    (certificates,) = re.findall(r"^PKCS7 Encrypted data: (.+)$", out, re.MULTILINE)
    (key,) = re.findall(r"^Shrouded Keybag: (.+)$", out, re.MULTILINE)
    (mac,) = re.findall(r"^MAC: (.+)$", out, re.MULTILINE)
    assert key == certificates
    return key, mac


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("rounds", [2_048, 10_000, 100_000])
def test_iterations_are_as_configured(db: None, settings: Settings, rounds: int, tmp_path: Path) -> None:
    settings.CONTAINER_STANDARD_ITERATIONS = rounds
    token = tokens.deliver(("vpn",), "ec-p256", cast.person("uma", **NAMES))["vpn"]
    for container_format, expected in (("standard", rounds), ("compatible", 2_048)):
        (file,) = token.in_format(container_format)
        encryption, mac = as_openssl_says(job(file, token.passphrase, tmp_path))
        assert f"Iteration {expected}" in encryption
        assert f"Iteration {expected}" in mac
        pfx = asn1_pkcs12.Pfx.load(file.content, strict=True)
        assert pfx["mac_data"]["iterations"].native == expected
        assert set(pkcs12_reader.pbe_iterations(file.content)) == {expected}


def test_the_document_is_whole() -> None:
    found = parse(DOCUMENT.read_text("utf-8"))
    rows = {f"{each}, {WORDS[algorithm]}" for each in tokens.FORMATS for algorithm in tokens.ALGORITHMS}
    assert set(found["Containers"]) == rows
    columns = {"openssl", "openssl -legacy", "NSS pk12util", "GnuTLS certtool", "gpgsm", "Java 25", "Node"}
    for row, cells in found["Containers"].items():
        assert columns <= set(cells), row
    assert set(found["Containers"]["standard, RSA 2048"]) <= set(found[VERSIONS])
    assert all(version["Version"] for version in found[VERSIONS].values())


def test_the_fips_file_is_offered_beside_devices_that_read_it() -> None:
    found = parse(DOCUMENT.read_text("utf-8"))["Containers"]
    rows = {f"fips, {WORDS[algorithm]}" for algorithm in tokens.ALGORITHMS}
    programs = {device.fips_program for device in install.DEVICES if device.fips_program}
    assert programs
    assert {found[row][program] for row in rows for program in programs} == {YES}
    assert "no" in {word for row in rows for word in found[row].values()}
