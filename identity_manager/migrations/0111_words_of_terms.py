from django.db import migrations, models


class Migration(migrations.Migration):
    """Labels and help of the fields of terms, which their forms read from the model."""

    dependencies = [
        ('identity_manager', '0110_leave_held_certificates'),
    ]

    operations = [
        migrations.AlterField(
            model_name='termstext',
            name='title',
            field=models.CharField(max_length=200, verbose_name='Title'),
        ),
        migrations.AlterField(
            model_name='termsversion',
            name='accept_again_by',
            field=models.DateField(blank=True, help_text='They are asked in Open Tasks and by mail. Empty: they are asked when they renew.', null=True, verbose_name='Those who hold tokens accept it until'),
        ),
        migrations.AlterField(
            model_name='termsversion',
            name='late_policy',
            field=models.CharField(choices=[('list', 'They stand in a list for officers'), ('hold', 'Their tokens are put on hold until they accept, too')], db_default='list', default='list', max_length=8, verbose_name='Who has not accepted by then'),
        ),
    ]
