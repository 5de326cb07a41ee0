"""The addresses of one-time sign-in codes, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.people import sign_in_code_views, sign_in_letter_views

urlpatterns = [
    path("sign-in-letters/", sign_in_letter_views.letters_page, name="sign-in-letters"),
    path("sign-in-letters/choose/", sign_in_letter_views.choose, name="sign-in-letters-choose"),
    path("persons/<uuid:pk>/sign-in-code/", sign_in_code_views.ask, name="sign-in-code-ask"),
    path("sign-in-codes/<uuid:pk>/", sign_in_code_views.code, name="sign-in-code"),
    path("sign-in-codes/<uuid:pk>/confirm/", sign_in_code_views.confirm, name="sign-in-code-confirm"),
    path("sign-in-codes/<uuid:pk>/withdraw/", sign_in_code_views.withdraw, name="sign-in-code-withdraw"),
]
