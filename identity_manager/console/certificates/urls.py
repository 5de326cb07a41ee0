"""URL patterns of single certificates, ours and those found at CAs."""

from django.urls import path

from identity_manager.console.certificates import by_key_views, found_at_cas_views, manual_revocation_views

urlpatterns = [
    path("certificates/by-key/", by_key_views.choose, name="revoke-by-key"),
    path("certificates/by-key/<slug:public_key>/", by_key_views.revoke, name="revoke-key"),
    path("certificates/<uuid:pk>/by-key/", by_key_views.of_certificate, name="certificate-revoke-key"),
    path(
        "certificates/<uuid:pk>/revoked-by-hand/",
        manual_revocation_views.done,
        name="certificate-revoked-by-hand",
    ),
    path(
        "surplus/<uuid:pk>/revoked-by-hand/",
        manual_revocation_views.surplus_done,
        name="surplus-revoked-by-hand",
    ),
    path("found-at-authorities/<uuid:pk>/adopt/", found_at_cas_views.adopt, name="found-adopt"),
    path("found-at-authorities/<uuid:pk>/revoke/", found_at_cas_views.revoke, name="found-revoke"),
    path("found-at-authorities/<uuid:pk>/leave/", found_at_cas_views.leave, name="found-leave"),
    path("found-at-authorities/<uuid:pk>/revoked-by-hand/", found_at_cas_views.by_hand, name="found-by-hand"),
]
