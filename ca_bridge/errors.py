"""The errors that cross the border of the bridge: of CAs, and of the key archive."""

from typing import TYPE_CHECKING, Self

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.utils.functional import Promise


def storable_text(said: str) -> str:
    """What a CA said, without what no database takes: NUL (PostgreSQL) and halves of surrogates (UTF-8)."""
    return said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class CaError(Exception):
    """Something between us and a CA went wrong.

    message: a sentence that a person may read.  detail: for operators.
    permanent: trying again without a change will not help.
    Neither text ever holds a key or a passphrase.
    """

    def __init__(self, message: str, detail: str = "", *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.detail = storable_text(detail)
        self.permanent = permanent

    @property
    def words(self) -> str:
        """Both, for operators and for the row that they look at."""
        return f"{self.message} {self.detail}".strip()

    @classmethod
    def credentials(cls, detail: str) -> Self:
        """Passes once an operator has mended the credentials, here or at the CA."""
        return cls(_("The certificate authority does not take our credentials."), detail)

    @classmethod
    def out_of_service(cls, detail: str) -> Self:
        """Passes once the CA, or what stands before it, is well again."""
        return cls(_("The certificate authority is out of service for now."), detail)

    @classmethod
    def garbled(cls, detail: str) -> Self:
        """Passes, perhaps: nobody understands the answer, and asking again does no harm."""
        return cls(_("The certificate authority does not answer as it should."), detail)

    @classmethod
    def not_issued_here(cls, detail: str = "") -> Self:
        """Permanent: something was asked about a certificate of another CA."""
        return cls(_("This CA has not issued this certificate."), detail, permanent=True)


class InDoubtError(Exception):
    """A CA was asked, and nobody knows what it did: answered, at the bridge's edge, as Unknown.

    The text is for operators and never holds a key or a passphrase.
    """


class KeyArchiveError(Exception):
    """An envelope, a recovery key or a share cannot be used.

    code: a stable name of the cause.  message: a sentence that a person may read.
    Neither ever holds a key, a share or a word of one; it is raised `from None` where the cause would.
    """

    def __init__(self, cause: tuple[str, "str | Promise"]) -> None:
        super().__init__(cause[0])
        self.code, self.message = cause

    def __str__(self) -> str:
        return str(self.message)
