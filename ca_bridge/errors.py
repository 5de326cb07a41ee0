"""The one family of errors that crosses the border of the bridge."""


class CaError(Exception):
    """Something between us and a CA went wrong.

    message: a sentence that a person may read.  detail: for operators.
    permanent: trying again without a change will not help.
    Neither text ever holds a key or a passphrase.
    """

    def __init__(self, message: str, detail: str = "", *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.permanent = permanent


class InDoubtError(Exception):
    """A CA was asked, and nobody knows what it did: answered, at the bridge's edge, as Unknown.

    The text is for operators and never holds a key or a passphrase.
    """
