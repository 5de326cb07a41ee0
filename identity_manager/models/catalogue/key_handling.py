"""Key copies: whether a token type archives keys or sends them to targets, and which holders terms name."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class KeyHolder(models.TextChoices):
    """Kinds of targets that get keys, as terms name them. The values are kinds of TARGETS."""

    GATEWAY = "gateway", _("The organisation's mail gateway gets a copy of the keys that decrypt mail")
    INTUNE = (
        "intune",
        _(
            "Microsoft Intune gets a copy of the keys that decrypt mail, for the managed devices of the"
            " person"
        ),
    )
    GMAIL = "gmail", _("Google gets a copy of the keys that decrypt mail, and keeps it for Gmail")


class KeyHandling(models.Model):
    """Fields of a token type: key archiving, and delivery of keys to targets."""

    archive_key = models.BooleanField(
        _("Archive the keys"),
        default=False,
        help_text=_(
            "A copy of each encryption key is kept, which recovery keys alone open. Keys that only sign or"
            " authenticate are never archived. The terms have to say it, and a recovery certificate has to be"
            " in force."
        ),
    )
    keys_leave = models.BooleanField(
        _("Keys may go to targets"),
        default=False,
        db_default=False,
        help_text=_(
            "A copy of each key that decrypts mail goes, with its passphrase, to the targets that two System"
            " Administrators switch on for the type: a mail gateway, for example. The terms have to name each"
            " kind of them."
        ),
    )

    targets_alone = models.BooleanField(
        _("Delivered by its targets alone"),
        default=False,
        db_default=False,
        help_text=_(
            "The person gets no file and no passphrase: the keys go to the targets, and nowhere else. Every"
            " certificate of the type has to be one whose key may go there, and a target that takes keys has"
            " to be switched on for the type before this version is activated."
        ),
    )

    class Meta:
        abstract = True
