"""Which version of its terms the person of a token has accepted."""

from django.db.models import Q

from identity_manager.models import SoftwareToken, TermsAcceptance, TermsVersion


def version_of(token: SoftwareToken) -> TermsVersion | None:
    """The newest that was accepted for the token, or again for all that the person holds."""
    for_the_token = Q(request=token.request_id, round=token.request.round) | Q(request=None)
    accepted = TermsAcceptance.objects.filter(
        for_the_token, person=token.person_id, text__version__document=token.required_type.terms_id
    )
    found = accepted.order_by("-text__version__number").select_related("text__version").first()
    return found.text.version if found else None
