"""Nouns: one file each, with fields, constraints, query sets and state machines; no I/O."""

from identity_manager.models.api.client import ApiClient, ApiMethod, ApiScope, IdempotentCall
from identity_manager.models.archive.archive_export import ArchiveExport
from identity_manager.models.archive.archived_key import ArchivedKey, ArchivedKeyRecipient
from identity_manager.models.archive.recovery_certificate import (
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryKeyKind,
    RecoveryKeyWrapping,
    RecoveryShare,
)
from identity_manager.models.archive.recovery_drill import RecoveryCanary, RecoveryDrill
from identity_manager.models.archive.share_round import (
    SharePurpose,
    ShareRound,
    ShareRoundState,
    ShareTransportKey,
    ShareTries,
    SubmittedShare,
)
from identity_manager.models.audit.audit_event import AuditEvent, AuditSalt
from identity_manager.models.audit.audit_head import (
    AuditChain,
    AuditCheck,
    AuditHead,
    AuditHeadExport,
    HeadKind,
)
from identity_manager.models.authorities.comparison import (
    CaComparison,
    CaFinding,
    ComparisonStep,
    FindingKind,
    FindingState,
)
from identity_manager.models.authorities.health_check import CaCheck
from identity_manager.models.authorities.outage import CaOutage
from identity_manager.models.authorities.surplus_certificate import SurplusByHand
from identity_manager.models.batch.line import BatchLine, LineOutcome
from identity_manager.models.batch.order import (
    BatchBlock,
    BatchKind,
    BatchOrder,
    BatchSource,
    BatchState,
    ChosenAs,
)
from identity_manager.models.batch.shard import BatchShard
from identity_manager.models.catalogue.certificate_profile import CertificateProfile, CertificatePurpose
from identity_manager.models.catalogue.ending_rule import EndingRule
from identity_manager.models.catalogue.key_handling import KeyHolder
from identity_manager.models.catalogue.looks import Looks
from identity_manager.models.catalogue.terms import (
    LatePolicy,
    NamedArchiving,
    TermsAcceptance,
    TermsDocument,
    TermsDraft,
    TermsText,
    TermsVersion,
)
from identity_manager.models.catalogue.token_type import (
    DeviceRule,
    HolderChangeRule,
    InstallationPolicy,
    PurposeRule,
    RenewalPolicy,
    TokenType,
    TokenTypeProfile,
)
from identity_manager.models.catalogue.versioning import VersionState
from identity_manager.models.directory.group import DirectoryGroup, DirectoryMembership
from identity_manager.models.directory.run import (
    DirectoryRun,
    DirectoryRunLine,
    DirectoryRunMember,
    RunState,
)
from identity_manager.models.directory.run import (
    LineOutcome as DirectoryOutcome,
)
from identity_manager.models.directory.scim import ScimKind, ScimResource, ScimToken
from identity_manager.models.directory.source import DirectoryLink, DirectorySource, EntryState, RunMode
from identity_manager.models.events.siem_sink import SiemSink
from identity_manager.models.events.webhook import (
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookFormat,
    WebhookSignature,
)
from identity_manager.models.mail.delivery_problem import DeliveryProblem, ProblemKind, ProblemOutcome
from identity_manager.models.mail.mail_event import MailEvent, MailEventKind
from identity_manager.models.mail.mail_text import MailText
from identity_manager.models.mail.outgoing_mail import DeliveryMode, MailFault, MailState, OutgoingMail
from identity_manager.models.operation.job_run import JobOutcome, JobRun
from identity_manager.models.operation.last_backup import LastBackup
from identity_manager.models.operation.process_metrics import LiveProcess, ProcessKind, ProcessTotal
from identity_manager.models.people.account import Account
from identity_manager.models.people.approver_group import (
    ApprovalPolicy,
    ApproverGroup,
    ApproverGroupMember,
    ManagerApproval,
    RenewalApproval,
)
from identity_manager.models.people.deputy import Deputy
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.leave import Leave
from identity_manager.models.people.name_word import NameWord, NameWordPart
from identity_manager.models.people.person import Person, PersonKind, PersonSource, PersonState
from identity_manager.models.people.person_erasure import PersonErasure
from identity_manager.models.people.person_import import ImportState, PersonImport
from identity_manager.models.people.recertification import Recertification, ReviewDecision, RoleReview
from identity_manager.models.people.role import OFFERED_ROLES, OFFICER_ROLES, Role, RoleAssignment
from identity_manager.models.people.saved_search import Mailing, SavedSearch
from identity_manager.models.people.sign_in_code import SignInCode
from identity_manager.models.people.sign_in_messages import AcceptedMessage, ProviderSession
from identity_manager.models.people.sqlite_search_tables import PersonPart, PersonSearchRow
from identity_manager.models.prefix_lookup import StartsWithIndexed
from identity_manager.models.recovery.decision import RecoveryDecision
from identity_manager.models.recovery.recovery import Opening, OwnerConsent, RecoveredKey, Recovery
from identity_manager.models.renewal.holder_change import HolderChange
from identity_manager.models.renewal.notice import RenewalNotice
from identity_manager.models.requests.approval import (
    Approval,
    ApprovalRule,
    AskedApprover,
    AskingLevel,
    Decision,
    ManagerObstacle,
)
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.certificate_states import CertificateState
from identity_manager.models.requests.co_requester import CoRequester
from identity_manager.models.requests.container import Container
from identity_manager.models.requests.end_reason import EndReason
from identity_manager.models.requests.installation import DeviceKind, Installation, InstallationNotice
from identity_manager.models.requests.postponement import Postponement
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.states import (
    ReplacementCause,
    RequestKind,
    RequestOrigin,
    RequestState,
)
from identity_manager.models.requests.terms_notice import TermsHold, TermsNotice
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.requests.token_states import DeliveryState, TokenState
from identity_manager.models.revocation.blocked_key import BlockedKey
from identity_manager.models.revocation.issuer_crl import IssuerCrl
from identity_manager.models.second_officer import ConsentState
from identity_manager.models.standing_orders.member import MemberStep, StandingMember, StandingPlacement
from identity_manager.models.standing_orders.order import (
    LossRule,
    StandingBasis,
    StandingOrder,
    StandingState,
)
from identity_manager.models.targets.drift import DriftFinding, DriftKind, DriftRun
from identity_manager.models.targets.placement import Placement, PlacementState
from identity_manager.models.targets.target import HoldBack, Target, TargetUse
from identity_manager.models.token_imports.token_import import (
    ImportedCertificate,
    RowOutcome,
    TokenImport,
    TokenImportRow,
    TokenImportState,
)

__all__ = [
    "OFFERED_ROLES",
    "OFFICER_ROLES",
    "AcceptedMessage",
    "Account",
    "ApiClient",
    "ApiMethod",
    "ApiScope",
    "Approval",
    "ApprovalPolicy",
    "ApprovalRule",
    "ApproverGroup",
    "ApproverGroupMember",
    "ArchiveExport",
    "ArchivedKey",
    "ArchivedKeyRecipient",
    "AskedApprover",
    "AskingLevel",
    "AuditChain",
    "AuditCheck",
    "AuditEvent",
    "AuditHead",
    "AuditHeadExport",
    "AuditSalt",
    "BatchBlock",
    "BatchKind",
    "BatchLine",
    "BatchOrder",
    "BatchShard",
    "BatchSource",
    "BatchState",
    "BlockedKey",
    "CaCheck",
    "CaComparison",
    "CaFinding",
    "CaOutage",
    "Certificate",
    "CertificateProfile",
    "CertificatePurpose",
    "CertificateState",
    "ChosenAs",
    "CoRequester",
    "ComparisonStep",
    "ConsentState",
    "Container",
    "Decision",
    "DeliveryMode",
    "DeliveryProblem",
    "DeliveryState",
    "Deputy",
    "DeviceKind",
    "DeviceRule",
    "DirectoryGroup",
    "DirectoryLink",
    "DirectoryMembership",
    "DirectoryOutcome",
    "DirectoryRun",
    "DirectoryRunLine",
    "DirectoryRunMember",
    "DirectorySource",
    "DriftFinding",
    "DriftKind",
    "DriftRun",
    "EndReason",
    "EndingRule",
    "EntryState",
    "FindingKind",
    "FindingState",
    "HeadKind",
    "HoldBack",
    "HolderChange",
    "HolderChangeRule",
    "IdempotentCall",
    "IdentityChange",
    "ImportState",
    "ImportedCertificate",
    "Installation",
    "InstallationNotice",
    "InstallationPolicy",
    "IssuerCrl",
    "JobOutcome",
    "JobRun",
    "KeyHolder",
    "LastBackup",
    "LatePolicy",
    "Leave",
    "LineOutcome",
    "LiveProcess",
    "Looks",
    "LossRule",
    "MailEvent",
    "MailEventKind",
    "MailFault",
    "MailState",
    "MailText",
    "Mailing",
    "ManagerApproval",
    "ManagerObstacle",
    "MemberStep",
    "NameWord",
    "NameWordPart",
    "NamedArchiving",
    "Opening",
    "OutgoingMail",
    "OwnerConsent",
    "Person",
    "PersonErasure",
    "PersonImport",
    "PersonKind",
    "PersonPart",
    "PersonSearchRow",
    "PersonSource",
    "PersonState",
    "Placement",
    "PlacementState",
    "Postponement",
    "ProblemKind",
    "ProblemOutcome",
    "ProcessKind",
    "ProcessTotal",
    "ProviderSession",
    "PurposeRule",
    "Recertification",
    "RecoveredKey",
    "Recovery",
    "RecoveryCanary",
    "RecoveryCertificate",
    "RecoveryCertificateState",
    "RecoveryDecision",
    "RecoveryDrill",
    "RecoveryKeyKind",
    "RecoveryKeyWrapping",
    "RecoveryShare",
    "RenewalApproval",
    "RenewalNotice",
    "RenewalPolicy",
    "ReplacementCause",
    "RequestKind",
    "RequestOrigin",
    "RequestState",
    "ReviewDecision",
    "Role",
    "RoleAssignment",
    "RoleReview",
    "RowOutcome",
    "RunMode",
    "RunState",
    "SavedSearch",
    "ScimKind",
    "ScimResource",
    "ScimToken",
    "SharePurpose",
    "ShareRound",
    "ShareRoundState",
    "ShareTransportKey",
    "ShareTries",
    "SiemSink",
    "SignInCode",
    "SoftwareToken",
    "StandingBasis",
    "StandingMember",
    "StandingOrder",
    "StandingPlacement",
    "StandingState",
    "StartsWithIndexed",
    "SubmittedShare",
    "SurplusByHand",
    "Target",
    "TargetUse",
    "TermsAcceptance",
    "TermsDocument",
    "TermsDraft",
    "TermsHold",
    "TermsNotice",
    "TermsText",
    "TermsVersion",
    "TokenImport",
    "TokenImportRow",
    "TokenImportState",
    "TokenRequest",
    "TokenState",
    "TokenType",
    "TokenTypeProfile",
    "VersionState",
    "Webhook",
    "WebhookDelivery",
    "WebhookDeliveryState",
    "WebhookFormat",
    "WebhookSignature",
]
