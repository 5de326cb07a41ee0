"""URL patterns of what officers do with persons, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.people import (
    identity_change_views,
    import_views,
    leave_views,
    record_views,
    replace_views,
    revoke_all_views,
    views,
)
from identity_manager.console.people.data_protection import data_views, erasure_views
from identity_manager.console.people.sign_in import sign_in_code_views, sign_in_letter_views

urlpatterns = [
    path("persons/<uuid:pk>/", views.person, name="person"),
    path("persons/<uuid:pk>/revoke-all/", revoke_all_views.revoke_all, name="person-revoke-all"),
    path("persons/new/", record_views.create, name="person-create"),
    path("persons/<uuid:pk>/edit/", record_views.edit, name="person-edit"),
    path("persons/<uuid:pk>/activate/", leave_views.activate, name="person-activate"),
    path("persons/<uuid:pk>/deactivate/", leave_views.deactivate, name="person-deactivate"),
    path("persons/<uuid:pk>/lock/", leave_views.lock, name="person-lock"),
    path("persons/<uuid:pk>/replace/", replace_views.replace, name="person-replace"),
    path("identity-changes/", identity_change_views.several, name="identity-changes"),
    path("identity-changes/<uuid:pk>/", identity_change_views.show, name="identity-change"),
    path(
        "identity-changes/<uuid:pk>/confirm/", identity_change_views.confirm, name="identity-change-confirm"
    ),
    path("identity-changes/<uuid:pk>/refuse/", identity_change_views.refuse, name="identity-change-refuse"),
    path(
        "identity-changes/<uuid:pk>/withdraw/",
        identity_change_views.withdraw,
        name="identity-change-withdraw",
    ),
    path("sign-in-letters/", sign_in_letter_views.letters_page, name="sign-in-letters"),
    path("sign-in-letters/choose/", sign_in_letter_views.choose, name="sign-in-letters-choose"),
    path("persons/<uuid:pk>/sign-in-code/", sign_in_code_views.ask, name="sign-in-code-ask"),
    path("sign-in-codes/<uuid:pk>/", sign_in_code_views.code, name="sign-in-code"),
    path("sign-in-codes/<uuid:pk>/confirm/", sign_in_code_views.confirm, name="sign-in-code-confirm"),
    path("sign-in-codes/<uuid:pk>/withdraw/", sign_in_code_views.withdraw, name="sign-in-code-withdraw"),
    path("imports/", import_views.upload, name="import-upload"),
    path("imports/<uuid:pk>/", import_views.show, name="import"),
    path("imports/<uuid:pk>/confirm/", import_views.confirm, name="import-confirm"),
    path("imports/<uuid:pk>/identities/", import_views.confirm_identities, name="import-identities"),
    path("imports/<uuid:pk>/reject/", import_views.reject, name="import-reject"),
    path("imports/<uuid:pk>/withdraw/", import_views.withdraw, name="import-withdraw"),
    path("imports/<uuid:pk>/report.csv", import_views.report, name="import-report"),
    path("persons/<uuid:pk>/data/", data_views.print_data, name="person-data"),
    path("persons/<uuid:pk>/erase/", erasure_views.ask, name="person-erase"),
    path("erasures/<uuid:pk>/confirm/", erasure_views.confirm, name="erasure-confirm"),
    path("erasures/<uuid:pk>/withdraw/", erasure_views.withdraw, name="erasure-withdraw"),
]
