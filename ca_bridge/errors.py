"""Exceptions that the bridge raises to its callers: of CAs, and of the key archive."""

from typing import TYPE_CHECKING, Self

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.utils.functional import Promise


def storable_text(said: str) -> str:
    """The text without what databases refuse: NUL (PostgreSQL) and lone surrogates (UTF-8)."""
    return said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class CaError(Exception):
    """A call of a CA failed.

    message: a sentence for people.  detail: for operators.
    permanent: a retry without a change will not help.
    Neither text ever holds a key or a passphrase.
    """

    def __init__(self, message: str, detail: str = "", *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.detail = storable_text(detail)
        self.permanent = permanent

    @property
    def words(self) -> str:
        """Message and detail, for operators."""
        return f"{self.message} {self.detail}".strip()

    @classmethod
    def credentials(cls, detail: str) -> Self:
        """Transient: until an operator corrects the credentials."""
        return cls(_("The certificate authority does not take our credentials."), detail)

    @classmethod
    def out_of_service(cls, detail: str) -> Self:
        """Transient: the CA, or a proxy before it, is out of service."""
        return cls(_("The certificate authority is out of service for now."), detail)

    @classmethod
    def garbled(cls, detail: str) -> Self:
        """Transient: malformed response to an idempotent call."""
        return cls(_("The certificate authority does not answer as it should."), detail)

    @classmethod
    def not_issued_here(cls, detail: str = "") -> Self:
        """Permanent: the certificate is another CA's."""
        return cls(_("This CA has not issued this certificate."), detail, permanent=True)


class InDoubtError(Exception):
    """The CA may have acted and the outcome is unknown: becomes the answer Unknown.

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


class ForeignFileError(KeyArchiveError):
    """A file of another system cannot be read. Neither code nor message ever holds a passphrase or a key."""
