"""URLs of the sign-in pages, as an explicit list: allauth's sign-up, reset by mail and e-mail pages are not
mounted.
"""

from django.urls import path

from identity_manager.account import account_page, first_sign_in, session_views
from identity_manager.account import views as account_views
from identity_manager.account.client_certificates import certificate_views
from identity_manager.account.second_factor import passkey_views, second_factor_views
from identity_manager.account.single_sign_on import provider_sessions, saml_views, sso_sign_out, sso_views

urlpatterns = [
    path("", account_page.account, name="account"),
    path("login/", account_views.LoginView.as_view(), name="account_login"),
    path("login/second-step/", account_views.SecondStepView.as_view(), name="mfa_authenticate"),
    path("login/passkey/", passkey_views.sign_in, name="passkey-sign-in"),
    path("login/passkey/options/", passkey_views.options, name="passkey-options"),
    path("break-glass/", account_views.BreakGlassView.as_view(), name="break-glass"),
    path("sso/<slug:provider_id>/", sso_views.start, name="sso"),
    path("sso/<slug:provider_id>/callback/", sso_views.callback, name="openid_connect_callback"),
    path(
        "sso/<slug:provider_id>/back-channel-logout/",
        provider_sessions.back_channel_logout,
        name="sso-back-channel-logout",
    ),
    path("sso/<slug:provider_id>/saml/acs/", saml_views.acs, name="saml-acs"),
    path("sso/<slug:provider_id>/saml/finish/", saml_views.finish, name="saml-finish"),
    path("sso/<slug:provider_id>/saml/metadata/", saml_views.metadata, name="saml-metadata"),
    path("certificate/", certificate_views.start, name="certificate-start"),
    path("certificate/finish/", certificate_views.finish, name="certificate-finish"),
    path("keys/", account_page.keys, name="keys"),
    path("another-way/<slug:portal>/", account_page.another_way, name="sign-in-way"),
    path("logout/", account_views.LogoutView.as_view(), name="account_logout"),
    path("signed-out/", sso_sign_out.signed_out, name="signed-out"),
    path("reauthenticate/", account_views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path("password/change/", account_views.PasswordChangeView.as_view(), name="account_change_password"),
    path("first-sign-in/", first_sign_in.first_sign_in, name="first_sign_in"),
    path("second-factors/needed/", second_factor_views.needed, name="second-factor-needed"),
    path("second-factors/app/", second_factor_views.set_up_app, name="second-factor-app"),
    path("second-factors/<int:row_id>/remove/", second_factor_views.remove, name="second-factor-remove"),
    path("passkeys/add/", passkey_views.add, name="passkey-add"),
    path("passkeys/<int:row_id>/rename/", passkey_views.rename, name="passkey-rename"),
    path("recovery-codes/", second_factor_views.recovery_codes, name="recovery-codes"),
    path("recovery-codes/file/", second_factor_views.recovery_codes_file, name="recovery-codes-file"),
    path("sessions/<int:row_id>/end/", session_views.end, name="session-end"),
    path("sessions/end/", session_views.end_all, name="sessions-end"),
]
