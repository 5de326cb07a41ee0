"""Gateways under test: a certificate with its key, a drop in a folder, and what openssl finds in it."""

import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from identity_manager.models import KeyHolder, TokenType
from identity_manager.targets.configuration import TargetConfiguration, parse
from tests.tools import cast
from tests.tools.x509 import issued, key_id, key_pem, named

NAME = "gate"
MAIL_KEY = {
    "purpose": "encryption",
    "key_usage": ["keyAgreement"],
    "extended_key_usage": ["1.3.6.1.5.5.7.3.4"],
}


@cache
def _key(_number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True)
class Gateway:
    """A gateway: files with its certificate and key, and its drop."""

    certificate_file: Path
    key_file: Path
    drop: Path

    def target(self, *, secret: str = "", **options: Any) -> TargetConfiguration:
        given = {"url": f"file://{self.drop}", "certificate_file": str(self.certificate_file)} | options
        return parse(NAME, {"kind": "gateway", "name": "Gateway", "options": given}, secret=secret)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.drop.iterdir())

    def opened(self, name: str) -> dict[str, bytes]:
        """What the gateway's team finds with openssl in a file of the drop."""
        return unzipped(self.decrypted(self.drop / name))

    def decrypted(self, path: Path) -> bytes:
        command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", str(path)]
        command += ["-recip", str(self.certificate_file), "-inkey", str(self.key_file)]
        return subprocess.run(command, check=True, capture_output=True).stdout


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest(found: dict[str, bytes]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(found["manifest.json"])
    return said


def certificate(*, days: int = 300, number: int = 0) -> x509.Certificate:
    """Valid so many days from yesterday; another number, of another key."""
    key, name = _key(number), named("Mail gateway")
    public, by = key.public_key(), (name, key)
    return issued(name, public, by, since=2, until=days - 1, serial=7, extensions=[key_id(public)])


def gateway(folder: Path, *, days: int = 300, number: int = 0) -> Gateway:
    """One with a drop below the folder, and such a certificate."""
    key, made = _key(number), certificate(days=days, number=number)
    certificate_file, key_file, drop = folder / "gate.pem", folder / "gate.key", folder / "drop"
    certificate_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key_pem(key))
    drop.mkdir(exist_ok=True)
    return Gateway(certificate_file, key_file, drop)


def leaving_type(holder: str = KeyHolder.GATEWAY, **fields: Any) -> TokenType:
    """A type whose one mail key may leave, under terms that name the holder."""
    cast.terms().versions.update(names_key_holders=[holder])
    cast.profile("mailkey", **MAIL_KEY)
    return cast.token_type("mail", **({"profiles": ("mailkey", "client"), "keys_leave": True} | fields))
