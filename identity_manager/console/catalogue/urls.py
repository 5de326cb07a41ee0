"""URL patterns of token types, profiles, terms and looks, within ADMIN."""

from django.urls import path

from identity_manager.console.catalogue import looks_views, terms_views, views

urlpatterns = [
    path("profiles/preview/", views.preview, name="profile-preview"),
    path("terms/", terms_views.listing, name="terms-documents"),
    path("terms/new/", terms_views.create, name="terms-new"),
    path("terms/<uuid:pk>/", terms_views.version, name="terms"),
    path("terms/documents/<uuid:pk>/", terms_views.document, name="terms-document"),
    path("terms/documents/<uuid:pk>/rename/", terms_views.rename, name="terms-rename"),
    path("terms/documents/<uuid:pk>/write/", terms_views.write, name="terms-write"),
    path("terms/documents/<uuid:pk>/ask/", terms_views.ask, name="terms-ask"),
    path("terms/documents/<uuid:pk>/publish/", terms_views.publish, name="terms-publish"),
    path("terms/documents/<uuid:pk>/refuse/", terms_views.refuse, name="terms-refuse"),
    path("terms/documents/<uuid:pk>/discard/", terms_views.discard, name="terms-discard"),
    path("looks/", looks_views.show, name="looks"),
    path("looks/versions/<uuid:pk>/", looks_views.version, name="looks-version"),
    path("looks/versions/<uuid:pk>/logo.png", looks_views.logo, name="looks-version-logo"),
    path("looks/write/", looks_views.write, name="looks-write"),
    path("looks/ask/", looks_views.ask, name="looks-ask"),
    path("looks/activate/", looks_views.activate, name="looks-activate"),
    path("looks/refuse/", looks_views.refuse, name="looks-refuse"),
    path("looks/discard/", looks_views.discard, name="looks-discard"),
    path("looks/ours/", looks_views.ours, name="looks-ours"),
]
