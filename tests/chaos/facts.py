"""The facts that the verdict is about, as values."""

from dataclasses import dataclass, field

FORMATS = 2  # in which each certificate with its key is packed
REVOKE, EXPIRE, RENEW, REPLACE, RECOVER = "revoke", "expire", "renew", "replace", "recover"
RECOVER_BY_OFFICERS = "recover by officers"
# What a person does once they have their token, and the kind of the request that comes of it.
FOLLOWS = {
    EXPIRE: "renewal",
    RENEW: "renewal",
    REPLACE: "replacement",
    RECOVER: "recovery",
    RECOVER_BY_OFFICERS: "recovery",
}


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
    """A certificate in the database, or one whose archived key was recovered into another token.

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
    """A request with what became of it: its tokens, and whether their owner has noted the passphrase.

    kind: of its tokens.  in_place_of: the tokens that they renew or replace.
    """

    number: str
    person: str
    state: str
    failure: str
    tokens: dict[str, bool]
    messages: list[str]
    kind: str = "initial"
    in_place_of: list[str] = field(default_factory=list)


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
    """Everything that the verdict is about.

    wanted: persons who want a token.  wishes: what they do once they have it; who is left out keeps it.
    gaps: of renewals, where the old token ended before its successor was noted.
    """

    wanted: list[str]
    wishes: dict[str, str] = field(default_factory=dict)
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
    gaps: list[str] = field(default_factory=list)
