"""Imports of tokens for tests: a folder as another system leaves it, and an import in any state."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from ca_bridge.keys.keys import PrivateKey
from identity_manager.models import Person, Role, TokenImport, TokenType
from identity_manager.workflow.token_imports import decisions, dry_run
from identity_manager.workflow.token_imports.dry_run import File
from tests.tools import cast, foreign_files

PASSWORD = "Old; password"


@dataclass
class Office:
    """Two Software Token Administrators of all units, and two token types."""

    ada: Person
    anton: Person
    encryption: TokenType
    signature: TokenType

    @property
    def types(self) -> list[str]:
        return [self.encryption.code, self.signature.code]


def office(ada: Person | None = None, **of_encryption: object) -> Office:
    """ada: where she is here already."""
    decrypts = cast.profile("decrypting", purpose="encryption", key_usage=["keyEncipherment"])
    signs = cast.profile("signing", purpose="signature", extended_key_usage=["1.3.6.1.5.5.7.3.4"])
    return Office(
        ada=ada or cast.person("ada"),
        anton=cast.person("anton", sid="", roles=(Role.TOKEN_ADMINISTRATOR,)),
        encryption=cast.token_type(
            "old-encryption", profiles=(decrypts.code,), **({"archive_key": True} | of_encryption)
        ),
        signature=cast.token_type("old-signature", profiles=(signs.code,)),
    )


@dataclass
class OldSystem:
    """A folder with files and the file of their passwords beside it."""

    directory: Path
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        found = self.directory / "folder"
        found.mkdir(exist_ok=True)
        return found

    @property
    def password_file(self) -> Path:
        """Written anew with what is known now; passwords are quoted, as some hold the delimiter."""
        path = self.directory / "passwords.csv"
        lines = (f'"{name}";"{password}"\r\n' for name, password in self.passwords.items())
        path.write_text("file;password\r\n" + "".join(lines), encoding="utf-8-sig", newline="")
        return path

    def gives(self, name: str, key: PrivateKey, *certificates: x509.Certificate, **more: object) -> Path:
        """A PKCS#12 file in the folder."""
        content = foreign_files.openssl(self.directory, key, *certificates, password=PASSWORD, **more)
        self.passwords[name] = PASSWORD
        return foreign_files.write(self.folder, name, content)

    @property
    def files(self) -> list[File]:
        return [
            File(each.name, each.read_bytes(), self.passwords.get(each.name))
            for each in sorted(self.folder.iterdir())
        ]


def looked_through(
    types: list[str], files: list[File], *, name: str = "folder", tells_persons: bool = False
) -> TokenImport:
    row = dry_run.begin(name=name, types=types, tells_persons=tells_persons)
    return dry_run.look_through(row, [lambda file=file: file for file in files])  # type: ignore[misc]  # a default argument


def waiting(staff: Office, files: list[File], *, tells_persons: bool = False) -> TokenImport:
    row = looked_through(staff.types, files, tells_persons=tells_persons)
    return decisions.ask(actor=staff.ada, import_id=row.pk, digest=row.digest)


def confirmed(staff: Office, files: list[File], *, tells_persons: bool = False) -> TokenImport:
    row = waiting(staff, files, tells_persons=tells_persons)
    return decisions.confirm(actor=staff.anton, import_id=row.pk, digest=row.digest)
