from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Section',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('slug', models.SlugField(unique=True, verbose_name='identifier')),
            ],
            options={
                'verbose_name': 'section',
                'verbose_name_plural': 'sections',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Maintenance',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('paused', 'Paused: signing is closed'), ('read_only', 'Read-only: pages can be read, nothing can be sent')], max_length=10, verbose_name='mode')),
                ('note', models.TextField(max_length=400, verbose_name='banner')),
                ('since', models.DateTimeField(verbose_name='since')),
            ],
            options={
                'verbose_name': 'maintenance mode',
                'verbose_name_plural': 'maintenance mode',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='maintenance_is_one')],
            },
        ),
    ]
