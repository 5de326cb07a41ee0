"""Accounts: user name, password and session epoch of a person."""

from collections.abc import Iterator
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

PAGE_SIZES = (25, 50, 100)


class AccountManager(BaseUserManager["Account"]):
    def create_account(
        self, *, username: str, person: Person, password: str | None, is_break_glass: bool = False
    ) -> "Account":
        """Create an account; without a password it cannot sign in until one is set."""
        account = self.model(username=username, person=person, is_break_glass=is_break_glass)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser):
    """A sign-in account. Its permissions follow from the roles of its person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(_("user name"), max_length=64, unique=True)
    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="account")
    is_active = models.BooleanField(default=True)
    # Signs in locally when single sign-on is down, at an address of its own.
    is_break_glass = models.BooleanField(default=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Rows on a page of a list.
    page_size = models.PositiveSmallIntegerField(default=25, db_default=25, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = AccountManager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return self.username

    def get_session_auth_hash(self) -> str:
        """The hash that a session must carry: password and epoch change it, and end the session."""
        return self._of_this_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same under former keys (SECRET_KEY_FALLBACKS)."""
        return map(self._of_this_epoch, super().get_session_auth_fallback_hash())

    def _of_this_epoch(self, digest: str) -> str:
        return f"{digest}.{self.session_epoch}" if self.session_epoch else digest
