"""The named list of sign-in pages. No sign-up, no reset by mail, no added addresses: they are not mounted."""

from allauth.account import views
from django.urls import path

from identity_manager.ui import account_views, first_sign_in

urlpatterns = [
    path("login/", account_views.LoginView.as_view(), name="account_login"),
    path("logout/", views.LogoutView.as_view(), name="account_logout"),
    path("reauthenticate/", account_views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path("password/change/", account_views.PasswordChangeView.as_view(), name="account_change_password"),
    path("first-sign-in/", first_sign_in.first_sign_in, name="first_sign_in"),
]
