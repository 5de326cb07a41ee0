"""Schemas of request and response bodies of the API. Every shape is closed: an unknown member is refused."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    BatchState,
    CertificateState,
    ChosenAs,
    PersonKind,
    PersonState,
    ReplacementCause,
    RequestKind,
    RequestOrigin,
    RequestState,
    TokenState,
)
from identity_manager.models.batch.order import BatchKind

PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # PostgreSQL stores no NUL
Text = Annotated[str, Field(max_length=2000, pattern=PRINTABLE)]
Short = Annotated[str, Field(max_length=300, pattern=PRINTABLE)]
Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]


class Strict(BaseModel):
    """Base of the schemas: refuses unknown members; reads attributes of database rows as well as JSON."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, populate_by_name=True, frozen=True)


class FieldProblem(Strict):
    """One value at fault."""

    field: str
    detail: str


class Problem(Strict):
    """RFC 9457. code: of the refusal, stable; detail: one sentence in the language of Accept-Language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]


def _of(path: str) -> Any:
    """A member whose value is an attribute of another name."""
    return Field(validation_alias=path)


class PersonOut(Strict):
    """A person, as the directory knows them."""

    id: uuid.UUID
    personnel_number: str
    given_name: str
    surname: str
    display_name: str
    email: str
    upn: str
    department: str
    organisational_unit: str
    manager: uuid.UUID | None = _of("manager_id")
    kind: PersonKind
    state: PersonState
    language: str
    time_zone: str


class GroupOut(Strict):
    """A group of a directory, or without a source one that officers keep. gone_at: since when it is ended."""

    id: uuid.UUID
    source: str | None = Field(None, validation_alias=AliasPath("source", "name"))
    external_id: str
    name: str
    gone_at: datetime | None


class TypeOut(Strict):
    """A token type in force. name, description: by language."""

    id: uuid.UUID
    code: str
    number: int
    name: dict[str, str]
    description: dict[str, str]
    approvers_needed: int
    validity_days: int
    renewal_days: int


class TokenOut(Strict):
    """A software token. token_type: its code. predecessor: the token that it renews."""

    id: uuid.UUID
    request: uuid.UUID = _of("request_id")
    person: uuid.UUID = _of("person_id")
    token_type: str = _of("type_code")
    kind: RequestKind
    state: TokenState
    predecessor: uuid.UUID | None = _of("predecessor_id")
    created_at: datetime
    sealed_at: datetime | None
    delivered_at: datetime | None
    installed_at: datetime | None
    held_at: datetime | None
    ended_at: datetime | None
    reason: str


class RequestOut(Strict):
    """A request with its software tokens. stopped_at: an officer decides how it goes on."""

    id: uuid.UUID
    reference: str
    kind: RequestKind
    origin: RequestOrigin
    state: RequestState
    person: uuid.UUID = _of("person_id")
    requested_by: uuid.UUID = _of("requested_by_id")
    purpose: str
    approvals_needed: int
    created_at: datetime
    decided_at: datetime | None
    accepted_at: datetime | None
    issued_at: datetime | None
    ended_at: datetime | None
    stopped_at: datetime | None
    reason: str
    failure: str
    tokens: list[TokenOut] = _of("lines")


class ReplacementOut(Strict):
    """ended: the software tokens that were revoked. request: for new ones; null where none can be issued."""

    ended: list[uuid.UUID]
    request: uuid.UUID | None


class CertificateOut(Strict):
    """A certificate; neither it nor its key is handed out here."""

    id: uuid.UUID
    token: uuid.UUID = _of("token_id")
    person: uuid.UUID = Field(validation_alias=AliasPath("token", "person_id"))
    profile: str = Field(validation_alias=AliasPath("profile", "code"))
    state: CertificateState
    serial: str
    issuer: str
    subject: str
    fingerprint_sha256: str
    not_before: datetime | None
    not_after: datetime | None
    revoked_at: datetime | None


class RevocationOut(Strict):
    """A decided revocation. revoked_at: when the CA has done it. by_hand_since: an officer does it there."""

    certificate: uuid.UUID = _of("id")
    token: uuid.UUID = _of("token_id")
    serial: str
    issuer: str
    reason: str = _of("revocation_reason")
    decided_at: datetime = _of("revocation_decided_at")
    by_hand_since: datetime | None
    revoked_at: datetime | None
    on_crl_at: datetime | None


class BatchOut(Strict):
    """A batch order. counts: lines by outcome; those of the dry run before it starts."""

    id: uuid.UUID
    reference: str
    kind: BatchKind
    state: BatchState
    asked_by: uuid.UUID = _of("asked_by_id")
    asked_at: datetime
    total: int
    looked_at: int
    started_at: datetime | None
    ended_at: datetime | None
    stopped_because: str
    note: str
    counts: dict[str, int]


class BatchLineOut(Strict):
    """One line of a batch order. reasons: codes of the refusals."""

    id: uuid.UUID
    position: int
    person: uuid.UUID | None = _of("person_id")
    token: uuid.UUID | None = _of("token_id")
    about: uuid.UUID | None = _of("about_id")
    request: uuid.UUID | None = _of("request_id")
    personnel_number: str
    outcome: str
    types: list[str]


class EventOut(Strict):
    """An audit event. number: its place in the sealed log. facts: identifiers, states and counts."""

    id: uuid.UUID
    number: int | None
    name: str
    at: datetime
    actor: uuid.UUID | None = _of("actor_id")
    person: uuid.UUID | None = _of("person_id")
    request: uuid.UUID | None = _of("request_id")
    token: uuid.UUID | None = _of("token_id")
    facts: dict[str, Any] = _of("plain_facts")


class RequestIn(Strict):
    """A request for one person. types: codes of token types."""

    person: uuid.UUID
    types: Annotated[list[Code], Field(min_length=1, max_length=20)]
    purpose: Text = ""


class RenewalIn(Strict):
    """token: the software token to renew."""

    token: uuid.UUID


class ReplacementIn(Strict):
    """token: this one alone. tokens: all of the person's, as the caller knows them: else nothing is done."""

    person: uuid.UUID
    cause: ReplacementCause
    token: uuid.UUID | None = None
    tokens: Annotated[list[uuid.UUID], Field(max_length=100)] | None = None
    encryption: Annotated[list[uuid.UUID], Field(max_length=20)] = []


class ReasonIn(Strict):
    """reason: why, in words."""

    reason: Short


class RevocationIn(Strict):
    """reason: of RFC 5280. encryption: encryption certificates that are revoked as well."""

    token: uuid.UUID
    reason: RevocationReason
    encryption: Annotated[list[uuid.UUID], Field(max_length=20)] = []


class BatchOptions(Strict):
    """Options by kind: reason and encryption to revoke, cause to replace, container_format to resend."""

    reason: Code | None = None
    encryption: bool | None = None
    cause: Code | None = None
    container_format: Code | None = None


class BatchIn(Strict):
    """A batch order, whose dry run begins. chosen: ids of what chosen_as says, or personnel numbers."""

    kind: BatchKind
    chosen_as: ChosenAs
    chosen: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE)]],
        Field(min_length=1, max_length=10_000),
    ]
    types: Annotated[list[Code], Field(max_length=20)] = []
    accept_partial: bool = False
    purpose: Text = ""
    note: Text = ""
    options: BatchOptions = BatchOptions()

    @field_validator("chosen")
    @classmethod
    def _canonical(cls, chosen: list[str], given: ValidationInfo) -> list[str]:
        """Ids in the form by which the dry run finds their rows again."""
        if given.data.get("chosen_as", ChosenAs.NUMBERS) == ChosenAs.NUMBERS:
            return chosen
        return [str(uuid.UUID(each)) for each in chosen]


class StartIn(Strict):
    """note: why it is done."""

    note: Text = ""


class PersonPage(Strict):
    items: list[PersonOut]
    next: str | None


class GroupPage(Strict):
    items: list[GroupOut]
    next: str | None


class TypePage(Strict):
    items: list[TypeOut]
    next: str | None


class RequestPage(Strict):
    items: list[RequestOut]
    next: str | None


class TokenPage(Strict):
    items: list[TokenOut]
    next: str | None


class CertificatePage(Strict):
    items: list[CertificateOut]
    next: str | None


class RevocationPage(Strict):
    items: list[RevocationOut]
    next: str | None


class BatchPage(Strict):
    items: list[BatchOut]
    next: str | None


class BatchLinePage(Strict):
    items: list[BatchLineOut]
    next: str | None


class EventPage(Strict):
    items: list[EventOut]
    next: str | None
