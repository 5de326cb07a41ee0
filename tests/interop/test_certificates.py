"""Certificates of every profile that is shipped, issued by the embedded CA, as pkilint reads them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pkilint import loader
from pkilint.cabf import smime
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity, ValidatorContainer
from pytest_django import Settings

from identity_manager.catalogue.presets import PRESETS
from identity_manager.models import Certificate, CertificateProfile
from tests.interop import tokens
from tests.interop.conftest import Deliver
from tests.tools import cast

pytestmark = pytest.mark.long

WARNING = ValidationFindingSeverity.WARNING
ORGANISATION = {
    "organizationName": "Example Corporation",
    "organizationIdentifier": "NTRDE-DER3306.HRB12345",
}
PUBLIC = [code for code, preset in PRESETS.items() if preset.is_public]
KEYS = {"keyEncipherment": "rsa-2048", "keyAgreement": "ec-p256"}


@pytest.fixture
def publishing_in_public(settings: Settings) -> None:
    """The embedded CA under an address that everybody could reach: the rules for public e-mail want that."""
    options = {**settings.CA_CONNECTORS["corporate"]["OPTIONS"]}
    options["publication_url"] = "http://pki.example.com/pki"
    settings.CA_CONNECTORS = {"corporate": {**settings.CA_CONNECTORS["corporate"], "OPTIONS": options}}


def issued_by(preset: str, algorithm: str) -> bytes:
    """The certificate of a person whose name has what names have, for a profile that begins so."""
    values = dict(PRESETS[preset].values)
    subject = [[each, ORGANISATION.get(each, text)] for each, text in values["subject"]]
    profile = cast.profile(preset, **{**values, "subject": subject, "ca_profile": preset})
    assert isinstance(profile, CertificateProfile)
    kind = cast.token_type(preset, profiles=(preset,), key_algorithm=algorithm, validity_days=824)
    ada = cast.person("ada")
    names = {"given_name": "Jürgen", "surname": "Müller-Groß", "display_name": "Jürgen Müller-Groß"}
    uma = cast.person("uma", **names)
    request = cast.issued(cast.accepted(cast.enabled(ada, uma, kind)))
    return Certificate.objects.get(token__request=request).der


def private_linter() -> ValidatorContainer:
    """RFC 5280 alone."""
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
        ],
    )


def public_linter(level: Any, generation: Any) -> ValidatorContainer:
    """RFC 5280 and the S/MIME Baseline Requirements."""
    return certificate.create_pkix_certificate_validator_container(
        smime.create_decoding_validators(), smime.create_subscriber_validators(level, generation)
    )


def complaints(der: bytes, *, as_public: tuple[Any, Any] | None = None) -> list[str]:
    """What pkilint finds that is worth a warning, by the rules that the certificate's policy calls for."""
    document: Any = loader.load_der_certificate(der, "certificate")
    public = as_public or smime.determine_validation_level_and_generation(document)
    linter = public_linter(*public) if public else private_linter()
    return [
        f"{each.finding.code} {each.message or ''}"
        for result in linter.validate(document.root)
        for each in result.finding_descriptions
        if each.finding.severity <= WARNING
    ]


def algorithms_of(preset: str) -> list[str]:
    fixed = KEYS.get(PRESETS[preset].values["key_usage"][-1])
    return [fixed] if fixed else ["ec-p256", "rsa-2048"]


CASES = [(preset, algorithm) for preset in PRESETS for algorithm in algorithms_of(preset)]
# Its programs read what is read here: each of the two reads one certificate before each change.
FIRST_OF_PROGRAMS = [
    next(case for case in CASES if (case[0] in PUBLIC) is public) for public in (True, False)
]
BY_PROGRAMS = [
    pytest.param(*case, marks=() if case in FIRST_OF_PROGRAMS else pytest.mark.nightly) for case in CASES
]


@pytest.mark.parametrize(("preset", "algorithm"), CASES)
def test_pkilint_finds_nothing(db: None, publishing_in_public: None, preset: str, algorithm: str) -> None:
    der = issued_by(preset, algorithm)
    assert complaints(der) == []
    points = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
        x509.CRLDistributionPoints
    )
    assert "pki.example.com" in str(points.value[0].full_name)


@pytest.mark.parametrize(("preset", "algorithm"), BY_PROGRAMS)
def test_its_programs_end_with_nothing_found(
    db: None, publishing_in_public: None, preset: str, algorithm: str, tmp_path: Path
) -> None:
    """Their exit code is the number of findings."""
    path = tmp_path / "certificate.pem"
    path.write_bytes(tokens.pem(issued_by(preset, algorithm)))
    program = ("lint_cabf_smime_cert", "lint", "-d") if preset in PUBLIC else ("lint_pkix_cert", "lint")
    executable = Path(sys.executable).with_name(program[0])
    done = subprocess.run(
        [executable, *program[1:], "-s", "WARNING", path],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_those_of_the_demo_are_clean(deliver: Deliver, kind: str) -> None:
    for file in deliver(kind, "ec-p256").in_format("standard"):
        found = [each for each in complaints(file.certificate) if "invalid_uri_syntax" not in each]
        assert found == []  # localhost as the host of a URI is all that there is to say


def test_the_linter_here_finds_what_is_wrong(deliver: Deliver) -> None:
    """A certificate for private e-mail, read by the rules for public e-mail, has faults."""
    (file,) = deliver("signature", "ec-p256").in_format("standard")
    strict = smime.smime_constants.ValidationLevel.SPONSORED, smime.Generation.STRICT
    assert "cabf.smime.missing_required_attribute" in " ".join(complaints(file.certificate, as_public=strict))
