"""Of each profile and type the newest draft stays one; older drafts retire."""

from django.db import migrations


def retire_older_drafts(apps, _schema_editor):
    for name in ("CertificateProfile", "TokenType"):
        kind = apps.get_model("identity_manager", name)
        newest = set()
        for row in kind.objects.filter(state="draft").order_by("code", "-number"):
            if row.code in newest:
                kind.objects.filter(pk=row.pk).update(state="retired")
            newest.add(row.code)


class Migration(migrations.Migration):
    dependencies = [("identity_manager", "0006_leave_and_identity")]
    operations = [migrations.RunPython(retire_older_drafts, migrations.RunPython.noop)]
