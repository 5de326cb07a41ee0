"""URL patterns of mail texts, within ADMIN."""

from django.urls import path

from identity_manager.console.mail_texts import views

TEXT = "mail-texts/<str:name>/<str:language>/"
urlpatterns = [
    path("mail-texts/", views.listing, name="mail-texts"),
    path(TEXT, views.show, name="mail-text"),
    path(f"{TEXT}html/", views.html, name="mail-text-html"),
    path(f"{TEXT}draft/html/", views.draft_html, name="mail-text-draft-html"),
    path(f"{TEXT}versions/<int:number>/", views.version, name="mail-text-version"),
    path(f"{TEXT}write/", views.write, name="mail-text-write"),
    path(f"{TEXT}ask/", views.ask, name="mail-text-ask"),
    path(f"{TEXT}activate/", views.activate, name="mail-text-activate"),
    path(f"{TEXT}refuse/", views.refuse, name="mail-text-refuse"),
    path(f"{TEXT}discard/", views.discard, name="mail-text-discard"),
    path(f"{TEXT}ours/", views.use_ours, name="mail-text-ours"),
    path(f"{TEXT}test/", views.send_test, name="mail-text-test"),
]
