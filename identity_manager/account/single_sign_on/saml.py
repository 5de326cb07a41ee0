"""SAML 2.0 as a service provider: the AuthnRequest, and the checks that python3-saml leaves out.

python3-saml verifies signature, audience, times and status. Here: InResponseTo within the signed assertion
against the state of this browser, Recipient, presence of an audience, replay of assertions, age of the
sign-in, and proof of a second factor. Encrypted assertions are not supported.
"""

import datetime as dt
import logging
import time
from typing import Any

import xmlsec
from allauth.socialaccount.internal import statekit
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from identity_manager.account.arrival import CANCELLED, LOST, Answer
from identity_manager.people.sign_in import accepted_messages, single_sign_on
from identity_manager.people.sign_in.saml_provider import NAME_ID, SamlProvider
from identity_manager.transactions.refusals import Reason, Refused, refuse, require

logger = logging.getLogger(__name__)
# Exceptions for malformed SAML; ValueError includes bad base64, bad UTF-8, and DTDs.
BROKEN = (
    *(OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, etree.Error, xmlsec.Error, SyntaxError),
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError),
)
FRESH_SKEW = 60  # seconds, as of an OpenID Connect provider
CLOCK_SKEW = 300  # seconds; python3-saml's ALLOWED_CLOCK_DRIFT
SUBJECT_ID_ATTRIBUTE = "urn:oasis:names:tc:SAML:attribute:subject-id"
ENCRYPTED_ELEMENTS = "//saml:EncryptedAssertion | //saml:EncryptedID | //saml:EncryptedAttribute"

NOT_RIGHT = Reason("saml-not-right", _("The answer of your organisation's sign-in was not right."))
UNREADABLE = Reason("saml-unreadable", _("What came from your organisation's sign-in cannot be read."))
NOT_ASKED = Reason(
    "saml-not-asked",
    _("Nobody asked for this answer here. Begin at the sign-in page, not at your organisation."),
)
ENCRYPTED = Reason("saml-encrypted", _("Your organisation encrypts its answers, which nobody can read here."))
CLOCK = Reason(
    "saml-clock",
    _(
        "By the clock here, your organisation's answer is not of now. Sign in once more. If that does not "
        "help, the clock there, or here, is wrong."
    ),
)


def begin(request: HttpRequest, provider: SamlProvider, *, next_url: str | None, fresh: bool) -> HttpResponse:
    """Redirect with an AuthnRequest; fresh: the provider must re-authenticate the user (ForceAuthn)."""
    auth = OneLogin_Saml2_Auth(_request_data(request, provider), _settings(request, provider))
    address = auth.login(return_to="", force_authn=fresh)
    statekit.stash_state(
        request,
        provider_id=_state_owner(provider),
        state={"next": next_url, "fresh": fresh, "asked_at": time.time()},
        state_id=auth.get_last_request_id(),
    )
    return HttpResponseRedirect(address)


def metadata(request: HttpRequest, provider: SamlProvider) -> bytes:
    """Our metadata, for the provider's administrator."""
    settings = OneLogin_Saml2_Settings(_settings(request, provider), sp_validation_only=True)
    content = settings.get_sp_metadata()
    return content if isinstance(content, bytes) else str(content).encode()


def verified(request: HttpRequest, provider: SamlProvider, response: str) -> Answer:
    """Verify the response; return the content of its signed assertion. Raises Refused."""
    try:
        return _verified(request, provider, response)
    except BROKEN as error:
        logger.warning("SAML %s: no answer that can be read (%s).", provider.id, type(error).__name__)
        raise Refused(UNREADABLE) from error


def _verified(request: HttpRequest, provider: SamlProvider, response: str) -> Answer:
    document = OneLogin_Saml2_XML.to_etree(OneLogin_Saml2_Utils.b64decode(response))  # refuses a DTD
    refuse(ENCRYPTED if OneLogin_Saml2_XML.query(document, ENCRYPTED_ELEMENTS) else None)
    auth = OneLogin_Saml2_Auth(_request_data(request, provider, response), _settings(request, provider))
    auth.process_response()
    if auth.get_errors():
        _log(provider, document, str(auth.get_last_error_reason()))
        raise Refused(_why(document))
    # Exactly one assertion in the document, and a signature that refers to it: python3-saml sees to both.
    (assertion,) = OneLogin_Saml2_XML.query(document, "//saml:Assertion")
    question = _question(request, provider, assertion)
    state = statekit.unstash_state(request, state_id=question, provider_id=_state_owner(provider))
    if state is None:
        raise Refused(LOST)
    _accept_once(provider, assertion)
    moment = _signed_in_at(assertion, state)
    contexts = set(auth.get_last_authn_contexts()) & set(provider.authn_contexts)
    return Answer(
        provider=provider,
        claims={**_attributes(auth, provider), "sub": _subject(auth, provider)},
        authenticated_at=moment,
        proves_second_factor=bool(contexts),
        next_url=state.get("next"),
    )


def _question(request: HttpRequest, provider: SamlProvider, assertion: Any) -> str:
    """InResponseTo of the signed assertion; that of the response may be unsigned. Raises Refused.

    Every SubjectConfirmation has to be of method bearer, for our address, and for the same request. An
    assertion without audience is refused, because it would be valid for every service.
    """
    path = "./saml:Subject/saml:SubjectConfirmation"
    confirmations = OneLogin_Saml2_XML.query(assertion, path)
    data = OneLogin_Saml2_XML.query(assertion, f"{path}/saml:SubjectConfirmationData")
    questions = {each.get("InResponseTo", "") for each in data}
    require(len(questions) == 1 and "" not in questions, else_=NOT_ASKED)
    bearers = all(each.get("Method") == Saml.CM_BEARER for each in confirmations)
    for_us = {each.get("Recipient") for each in data} == {_address(request, provider, "saml-acs")}
    dated = all(each.get("NotOnOrAfter") for each in data)
    audiences = OneLogin_Saml2_XML.query(
        assertion, "./saml:Conditions/saml:AudienceRestriction/saml:Audience"
    )
    require(bearers and for_us and dated and audiences, else_=NOT_RIGHT)
    return str(questions.pop())


def _accept_once(provider: SamlProvider, assertion: Any) -> None:
    data = OneLogin_Saml2_XML.query(assertion, ".//saml:SubjectConfirmationData")
    last = max(OneLogin_Saml2_Utils.parse_SAML_to_time(each.get("NotOnOrAfter")) for each in data)
    until = dt.datetime.fromtimestamp(last + CLOCK_SKEW, tz=dt.UTC)
    accepted_messages.accept_once("saml-assertion", provider.entity_id, assertion.get("ID"), until=until)


def _signed_in_at(assertion: Any, state: dict[str, Any]) -> float:
    """AuthnInstant of the assertion. Raises Refused if it is too old for the request."""
    (statement,) = OneLogin_Saml2_XML.query(assertion, "./saml:AuthnStatement")
    moment = float(OneLogin_Saml2_Utils.parse_SAML_to_time(statement.get("AuthnInstant")))
    require(moment <= time.time() + CLOCK_SKEW, else_=CLOCK)
    fresh_enough = not state["fresh"] or moment >= state["asked_at"] - FRESH_SKEW
    require(fresh_enough, else_=NOT_RIGHT)
    return min(moment, time.time())


def _subject(auth: Any, provider: SamlProvider) -> str:
    """The subject: a persistent NameID or subject-id, which are no e-mails and never reassigned."""
    if provider.subject == NAME_ID:
        persistent = auth.get_nameid_format() == Saml.NAMEID_PERSISTENT
        values = [auth.get_nameid()] if persistent else []
    else:
        values = auth.get_attributes().get(SUBJECT_ID_ATTRIBUTE, [])
    require(len(values) == 1 and values[0], else_=single_sign_on.NO_IDENTIFIER)
    return str(values[0])


def _attributes(auth: Any, provider: SamlProvider) -> dict[str, Any]:
    """Attributes as claims: one value as it is, several as a list, groups always as a list."""
    return {
        name: values if len(values) != 1 or name == provider.groups_claim else values[0]
        for name, values in auth.get_attributes().items()
    }


def _why(document: Any) -> Reason:
    """Reason of a refusal by python3-saml, read from the unsigned part of the response."""
    codes = OneLogin_Saml2_XML.query(document, "/samlp:Response/samlp:Status/samlp:StatusCode")
    if codes and codes[0].get("Value") != Saml.STATUS_SUCCESS:
        return CANCELLED
    return CLOCK if abs(_clock_difference(document)) > CLOCK_SKEW else NOT_RIGHT


def _log(provider: SamlProvider, document: Any, reason: str) -> None:
    """Log a refusal for the operator; external text is escaped (repr)."""
    difference = _clock_difference(document)
    logger.warning(
        "SAML %s: refused %r; it was issued %d seconds ago by the clock here.",
        provider.id,
        reason[:300],
        difference,
    )


def _clock_difference(document: Any) -> float:
    """Seconds since the response was issued, negative for the future; 0 without IssueInstant."""
    issued = document.get("IssueInstant")
    return time.time() - OneLogin_Saml2_Utils.parse_SAML_to_time(issued) if issued else 0


def _settings(request: HttpRequest, provider: SamlProvider) -> dict[str, Any]:
    """Complete settings for python3-saml, so that it reads no file."""
    persistent = provider.subject == NAME_ID
    return {
        "strict": True,
        "sp": {
            "entityId": _address(request, provider, "saml-metadata"),
            "assertionConsumerService": {
                "url": _address(request, provider, "saml-acs"),
                "binding": Saml.BINDING_HTTP_POST,
            },
            "NameIDFormat": Saml.NAMEID_PERSISTENT if persistent else Saml.NAMEID_UNSPECIFIED,
        },
        "idp": {
            "entityId": provider.entity_id,
            "singleSignOnService": {"url": provider.sso_url, "binding": Saml.BINDING_HTTP_REDIRECT},
            "x509certMulti": {"signing": list(provider.certificates)},
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantNameId": persistent,
            "wantAttributeStatement": False,
            "allowRepeatAttributeName": True,
            "rejectDeprecatedAlgorithm": True,
            "requestedAuthnContext": list(provider.authn_contexts) or False,
            "failOnAuthnContextMismatch": False,  # our own sentence says it
            "allowSingleLabelDomains": True,
            "metadataValidUntil": "",
            "metadataCacheDuration": "",
        },
    }


def _request_data(request: HttpRequest, provider: SamlProvider, response: str = "") -> dict[str, Any]:
    return {
        "https": "on" if request.is_secure() else "off",
        "http_host": request.get_host(),
        "script_name": reverse("saml-acs", args=[provider.id]),
        "get_data": {},
        "post_data": {"SAMLResponse": response} if response else {},
    }


def _address(request: HttpRequest, provider: SamlProvider, name: str) -> str:
    return request.build_absolute_uri(reverse(name, args=[provider.id]))


def _state_owner(provider: SamlProvider) -> str:
    return f"saml:{provider.id}"
