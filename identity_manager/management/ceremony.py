"""Key ceremony of a recovery key, on an offline machine with all officers present, one after the other.

The screen is cleared before the next officer comes. No secret is written to disk or read from arguments; the
private key is in memory only, until the document is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import recovery_keys, recovery_token, shares
from ca_bridge.keys.envelopes import Recipient, RecoveryKey
from ca_bridge.keys.recovery_keys import Circle, Document
from ca_bridge.keys.recovery_token import RecoveryTokenKey

COLUMNS = 3
PIN_CHANGED = (
    "The PIN of the token is a new one. Bring the new document in now: with the former one workers give the"
    " token a wrong PIN, and a token closes after some of them."
)
PIN_NOT_CHANGED = (
    "The PIN of the token was not changed: the new document opens nothing. Destroy it and go on with the"
    " former one, or begin again."
)
# Clear the screen and the scroll-back buffer (ECMA-48 ED 2, xterm's ED 3), then cursor home.
CLEAR = "\x1b[2J\x1b[3J\x1b[H"


@dataclass
class Ceremony:
    """The dialogue. ask: shows a prompt and returns the input, may raise EOFError; say: shows a line."""

    ask: Callable[[str], str]
    say: Callable[[str], None]

    def make(self, *, name: str, bits: int, days: int, holders: Sequence[str], needed: int) -> Document:
        """Generate a recovery key and hand its shares to the holders. Raises KeyArchiveError."""
        circle = recovery_keys.new_circle(holders, needed=needed)
        self.say("Making the key ...")
        private, certificate = recovery_keys.make(name, bits=bits, days=days)
        return self._hand_out(private, certificate, circle)

    def make_in_token(
        self, *, name: str, token: str, days: int, holders: Sequence[str], needed: int
    ) -> Document:
        """Generate a recovery key of 3072 bits in an HSM, and hand its shares out. Raises KeyArchiveError."""
        circle = recovery_keys.new_circle(holders, needed=needed)
        pin = self.ask(f"The PIN of the token {token} as it is now; the ceremony changes it.\n> ")
        self.say(f"{CLEAR}Making the key in the token ...")
        private, certificate = recovery_keys.make_in_token(name, token, pin=pin, bits=3072, days=days)
        return self._hand_out(private, certificate, circle)

    def hand_over(
        self, former: Document, *, holders: Sequence[str], needed: int, write: Callable[[Document], None]
    ) -> None:
        """Wrap the same recovery key under a new secret for other officers. write: stores the new document.

        A token also gets a new PIN, so that the former document and its shares become useless. Raises
        KeyArchiveError.
        """
        private = self.open(former).private
        circle = recovery_keys.new_circle(holders, needed=needed, number=former.number + 1)
        if isinstance(private, RecoveryTokenKey):
            self._hand_over_in_token(private, former.certificate, circle, write=write)
        else:
            write(self._hand_out(private, former.certificate, circle))

    def _hand_over_in_token(
        self,
        private: RecoveryTokenKey,
        certificate: bytes,
        circle: Circle,
        *,
        write: Callable[[Document], None],
    ) -> None:
        """Write the new document before the PIN is changed: at any moment one of the two has the PIN."""
        typed, fresh = self._hand_shares(circle), recovery_token.fresh_pin()
        document = recovery_keys.wrap(private, certificate, circle, pin=fresh)
        recovery_keys.content_of(document, shares.combine(typed[-document.needed :]))
        write(document)
        try:
            recovery_token.change_pin(private, fresh)
        except KeyArchiveError:
            self.say(PIN_NOT_CHANGED)
            raise
        self._check(document, typed)
        self.say(PIN_CHANGED)

    def open(self, document: Document) -> RecoveryKey:
        """Ask for as many shares as needed; return the recovery key."""
        while True:
            typed = [self._share_of(number, document) for number in range(1, document.needed + 1)]
            try:
                return recovery_keys.open_with_shares(document, typed)
            except KeyArchiveError as error:
                self.say(f"{error} Begin again.")

    def _share_of(self, number: int, document: Document) -> str:
        while True:
            typed = self.ask(f"\nOfficer {number} of {document.needed}: type your share, then Enter.\n> ")
            self.say(CLEAR)
            try:
                facts = shares.read(typed)
            except KeyArchiveError as error:
                self.say(str(error))
                continue
            if facts.identifier == document.identifier:
                return typed
            self.say("This share is of another set: of another key, or from before the officers changed.")

    def _hand_out(self, private: rsa.RSAPrivateKey, certificate: bytes, circle: Circle) -> Document:
        typed = self._hand_shares(circle)
        document = recovery_keys.wrap(private, certificate, circle)
        self._check(document, typed)
        return document

    def _hand_shares(self, circle: Circle) -> list[str]:
        """Show each officer their share; return what they typed back."""
        pairs = zip(circle.holders, circle.texts, strict=True)
        return [self._hand_one(holder, text) for holder, text in pairs]

    def _check(self, document: Document, typed: Sequence[str]) -> None:
        """Open a canary with the shares as typed, not as shown: this proves each officer's note."""
        opened = recovery_keys.open_with_shares(document, typed[-document.needed :])
        recovery_keys.probe(opened, Recipient(document.certificate, document.transport))

    def _hand_one(self, holder: str, text: str) -> str:
        """Show one officer their share, and have it typed back."""
        while True:
            self.ask(f"{CLEAR}Officer {holder} alone comes to the screen. Enter shows the share. ")
            self.say(_table(text))
            self.ask("\nWrite the 33 words down, with their numbers. Enter takes them from the screen. ")
            typed = self.ask(f"{CLEAR}Type the share from your note, then Enter.\n> ")
            self.say(CLEAR)
            if _same(typed, text):
                self.say(f"The note of {holder} is right.")
                return typed
            self.say("Your note differs from the share. It is shown once more.")


def _same(typed: str, text: str) -> bool:
    try:
        return shares.completed(typed) == text
    except KeyArchiveError:
        return False


def _table(text: str) -> str:
    words = text.split()
    lines = -(-len(words) // COLUMNS)
    rows = [
        "".join(f"{start + 1:>4}  {words[start]:<12}" for start in range(line, len(words), lines))
        for line in range(lines)
    ]
    return "\n".join(rows)
