"""The facts that the verdict is about, as values."""

from dataclasses import dataclass, field

FORMATS = 2  # in which each certificate with its key is packed


@dataclass
class CaCertificate:
    """A certificate in the register of a CA."""

    ca: str
    request: str
    serial: str
    public_key: str
    revoked: bool


@dataclass
class OurCertificate:
    """A certificate in the database.

    order: the identifier that its CA knows.  on_crl: False where it is revoked, at a CA that publishes a CRL,
    and is not seen on that.
    """

    token: str
    state: str
    serial: str
    order: str
    ca: str
    order_state: str
    why: str
    containers: int
    on_crl: bool = True


@dataclass
class Request:
    """A request with what became of it: its tokens, and whether their owner has noted the passphrase."""

    number: str
    person: str
    state: str
    failure: str
    tokens: dict[str, bool]
    messages: list[str]


@dataclass
class Mail:
    """A row of the outbox."""

    message_id: str
    message: str
    state: str
    token: str
    why: str


@dataclass
class Received:
    """A message that the mail server took, and the serials in its attachments, or why they do not open."""

    message_id: str
    serials: list[str]
    trouble: str = ""


@dataclass
class Facts:
    """Everything that the verdict is about. wanted, revoked: persons who want a token, and revoke it then."""

    wanted: list[str]
    revoked: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    at_ca: list[CaCertificate] = field(default_factory=list)
    ours: list[OurCertificate] = field(default_factory=list)
    surplus: dict[str, bool] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
