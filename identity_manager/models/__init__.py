"""Nouns: one file each, with fields, constraints, query sets and state machines; no I/O."""

from identity_manager.models.account import Account
from identity_manager.models.approval import Approval, Decision
from identity_manager.models.audit_event import AuditEvent
from identity_manager.models.certificate import Certificate, CertificateState
from identity_manager.models.certificate_profile import CertificateProfile, CertificatePurpose
from identity_manager.models.container import Container
from identity_manager.models.outgoing_mail import MailState, OutgoingMail
from identity_manager.models.person import Person, PersonKind, PersonSource, PersonState, SignInCode
from identity_manager.models.role import OFFICER_ROLES, Role, RoleAssignment
from identity_manager.models.software_token import DeliveryState, SoftwareToken, TokenState
from identity_manager.models.terms import TermsAcceptance, TermsDocument, TermsText, TermsVersion
from identity_manager.models.token_request import RequestKind, RequestOrigin, RequestState, TokenRequest
from identity_manager.models.token_type import ApprovalPolicy, TokenType, TokenTypeProfile
from identity_manager.models.versioned import VersionState

__all__ = [
    "OFFICER_ROLES",
    "Account",
    "Approval",
    "ApprovalPolicy",
    "AuditEvent",
    "Certificate",
    "CertificateProfile",
    "CertificatePurpose",
    "CertificateState",
    "Container",
    "Decision",
    "DeliveryState",
    "MailState",
    "OutgoingMail",
    "Person",
    "PersonKind",
    "PersonSource",
    "PersonState",
    "RequestKind",
    "RequestOrigin",
    "RequestState",
    "Role",
    "RoleAssignment",
    "SignInCode",
    "SoftwareToken",
    "TermsAcceptance",
    "TermsDocument",
    "TermsText",
    "TermsVersion",
    "TokenRequest",
    "TokenState",
    "TokenType",
    "TokenTypeProfile",
    "VersionState",
]
