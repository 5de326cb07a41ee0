"""Contents of the future certificates, shown to the person beside the terms: label and value."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ca_bridge.contract import CertificateContent
from identity_manager.catalogue import mail_keys
from identity_manager.models import SoftwareToken
from identity_manager.ui import certificate_labels
from identity_manager.ui.parts import Pair
from identity_manager.workflow.targets import sole_delivery


@dataclass(frozen=True)
class CertificateContents:
    """One certificate: profile's name, content, whether its key will be archived or sent to targets."""

    name: str
    pairs: Sequence[Pair]
    is_archived: bool
    leaves: bool


@dataclass(frozen=True)
class TokenContents:
    """A token and its certificates, in their order."""

    token: SoftwareToken
    certificates: Sequence[CertificateContents]

    @cached_property
    def is_sole(self) -> bool:
        """Whether only targets deliver it: no file and no passphrase."""
        return sole_delivery.is_sole(self.token)


def of_tokens(tokens: Iterable[SoftwareToken]) -> list[TokenContents]:
    """Contents of the certificates of these tokens, from the approved snapshots."""
    return [TokenContents(token, list(_certificates(token))) for token in tokens]


def _certificates(token: SoftwareToken) -> Iterator[CertificateContents]:
    token_type = token.required_type
    hands_over = token_type.keys_leave and bool(mail_keys.holders_of(token_type.code))
    profiles = {profile.code: profile for profile in token.required_type.ordered_profiles()}
    for asked in token.snapshot["certificates"]:
        profile = profiles.get(asked["profile"])
        name = str(profile.name) if profile else asked["profile"]
        archived = token_type.archive_key and profile is not None and profile.may_be_archived
        leaves = hands_over and profile is not None and mail_keys.may_leave(profile)
        yield CertificateContents(name, list(_pairs(asked)), archived, leaves)


def _pairs(asked: dict[str, Any]) -> Iterator[Pair]:
    """A value that stands in the certificate twice, as subject and as alternative name, is shown once."""
    content = CertificateContent.from_json(asked["content"])
    said = [
        (certificate_labels.label_of(kind), value)
        for kind, value in (*content.subject, *content.subject_alt_names)
    ]
    if content.sid is not None:
        said.append((certificate_labels.SID, content.sid))
    for label, value in dict.fromkeys((str(label), value) for label, value in said):
        yield Pair(label, value)
