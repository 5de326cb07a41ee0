"""Lookup of the terms version that the person of a token has accepted."""

from django.db.models import Q

from identity_manager.models import SoftwareToken, TermsAcceptance, TermsVersion


def version_of(token: SoftwareToken) -> TermsVersion | None:
    """The newest version accepted with the token's request, or later for all tokens of the person."""
    for_the_token = Q(request=token.request_id, round=token.request.round) | Q(request=None)
    accepted = TermsAcceptance.objects.filter(
        for_the_token, person=token.person_id, text__version__document=token.required_type.terms_id
    )
    found = accepted.order_by("-text__version__number").select_related("text__version").first()
    return found.text.version if found else None
