from django.db import migrations, models


class Migration(migrations.Migration):
    """The help of a form says that the security identifier can stand as a URI; no table changes."""

    dependencies = [
        ('identity_manager', '0103_placement_mark_index'),
    ]

    operations = [
        migrations.AlterField(
            model_name='certificateprofile',
            name='subject_alt_names',
            field=models.JSONField(blank=True, default=list, help_text='Each needs a field of the person. A UPN is {upn} and nothing else. The security identifier for Windows can stand here as a URI, in place of the extension: tag:microsoft.com,2022-09-14:sid:{sid}', verbose_name='Alternative names'),
        ),
    ]
