"""The addresses of one-time sign-in codes, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.views import sign_in_codes, sign_in_letters

urlpatterns = [
    path("sign-in-letters/", sign_in_letters.letters_page, name="sign-in-letters"),
    path("sign-in-letters/choose/", sign_in_letters.choose, name="sign-in-letters-choose"),
    path("persons/<uuid:pk>/sign-in-code/", sign_in_codes.ask, name="sign-in-code-ask"),
    path("sign-in-codes/<uuid:pk>/", sign_in_codes.code, name="sign-in-code"),
    path("sign-in-codes/<uuid:pk>/confirm/", sign_in_codes.confirm, name="sign-in-code-confirm"),
    path("sign-in-codes/<uuid:pk>/withdraw/", sign_in_codes.withdraw, name="sign-in-code-withdraw"),
]
