"""Nouns: one file each, with fields, constraints, query sets and state machines; no I/O."""

from identity_manager.models.account import Account
from identity_manager.models.approval import Approval, AskedApprover, AskingLevel, Decision
from identity_manager.models.audit_event import AuditEvent, AuditSalt
from identity_manager.models.audit_head import AuditChain, AuditCheck, AuditHead, AuditHeadExport, HeadKind
from identity_manager.models.batch_order import BatchLine, BatchOrder, BatchSource, BatchState, LineOutcome
from identity_manager.models.batch_stretch import BatchStretch
from identity_manager.models.beginning import Begins
from identity_manager.models.ca_check import CaCheck
from identity_manager.models.ca_comparison import (
    CaComparison,
    CaFinding,
    ComparisonStep,
    FindingKind,
    FindingState,
)
from identity_manager.models.ca_outage import CaOutage
from identity_manager.models.certificate import Certificate, CertificateState
from identity_manager.models.certificate_profile import CertificateProfile, CertificatePurpose
from identity_manager.models.container import Container
from identity_manager.models.ending import Ending
from identity_manager.models.identity_change import IdentityChange, IdentityChangeState
from identity_manager.models.job_run import JobOutcome, JobRun
from identity_manager.models.last_backup import LastBackup
from identity_manager.models.leave import Leave
from identity_manager.models.mail_event import MailEvent, MailEventKind
from identity_manager.models.outgoing_mail import DeliveryMode, MailFault, MailState, OutgoingMail
from identity_manager.models.person import Person, PersonKind, PersonSource, PersonState, SignInCode
from identity_manager.models.person_erasure import PersonErasure
from identity_manager.models.person_import import ImportState, PersonImport
from identity_manager.models.person_index import PersonPart, PersonSearchRow
from identity_manager.models.process_figures import LiveProcess, ProcessKind, ProcessTotal
from identity_manager.models.role import OFFERED_ROLES, OFFICER_ROLES, Role, RoleAssignment
from identity_manager.models.saved_search import SavedSearch
from identity_manager.models.software_token import DeliveryState, SoftwareToken, TokenState
from identity_manager.models.surplus import SurplusByHand
from identity_manager.models.terms import TermsAcceptance, TermsDocument, TermsDraft, TermsText, TermsVersion
from identity_manager.models.token_request import RequestKind, RequestOrigin, RequestState, TokenRequest
from identity_manager.models.token_type import ApprovalPolicy, TokenType, TokenTypeProfile
from identity_manager.models.versioned import VersionState

__all__ = [
    "OFFERED_ROLES",
    "OFFICER_ROLES",
    "Account",
    "Approval",
    "ApprovalPolicy",
    "AskedApprover",
    "AskingLevel",
    "AuditChain",
    "AuditCheck",
    "AuditEvent",
    "AuditHead",
    "AuditHeadExport",
    "AuditSalt",
    "BatchLine",
    "BatchOrder",
    "BatchSource",
    "BatchState",
    "BatchStretch",
    "Begins",
    "CaCheck",
    "CaComparison",
    "CaFinding",
    "CaOutage",
    "Certificate",
    "CertificateProfile",
    "CertificatePurpose",
    "CertificateState",
    "ComparisonStep",
    "Container",
    "Decision",
    "DeliveryMode",
    "DeliveryState",
    "Ending",
    "FindingKind",
    "FindingState",
    "HeadKind",
    "IdentityChange",
    "IdentityChangeState",
    "ImportState",
    "JobOutcome",
    "JobRun",
    "LastBackup",
    "Leave",
    "LineOutcome",
    "LiveProcess",
    "MailEvent",
    "MailEventKind",
    "MailFault",
    "MailState",
    "OutgoingMail",
    "Person",
    "PersonErasure",
    "PersonImport",
    "PersonKind",
    "PersonPart",
    "PersonSearchRow",
    "PersonSource",
    "PersonState",
    "ProcessKind",
    "ProcessTotal",
    "RequestKind",
    "RequestOrigin",
    "RequestState",
    "Role",
    "RoleAssignment",
    "SavedSearch",
    "SignInCode",
    "SoftwareToken",
    "SurplusByHand",
    "TermsAcceptance",
    "TermsDocument",
    "TermsDraft",
    "TermsText",
    "TermsVersion",
    "TokenRequest",
    "TokenState",
    "TokenType",
    "TokenTypeProfile",
    "VersionState",
]
