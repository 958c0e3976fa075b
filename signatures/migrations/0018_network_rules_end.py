from django.db import migrations, models

# What had no end has one in a quarter of a year: somebody looks at it until then.
WITHOUT_END = "UPDATE signatures_networkrule SET until = now() + interval '90 days' WHERE until IS NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("signatures", "0017_what_operators_watch"),
    ]

    operations = [
        migrations.AddField(
            model_name="networkrule",
            name="trial_until",
            field=models.DateTimeField(editable=False, null=True, verbose_name="on trial until"),
        ),
        migrations.RunSQL(WITHOUT_END, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="networkrule",
            name="until",
            field=models.DateTimeField(help_text="At most a year from now.", verbose_name="until"),
        ),
    ]
