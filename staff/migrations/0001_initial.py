import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('web', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditAnchor',
            fields=[
                ('seq', models.BigIntegerField(primary_key=True, serialize=False)),
                ('hash', models.BinaryField(max_length=32)),
                ('taken_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('mailed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['seq'],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('seq', models.BigIntegerField(primary_key=True, serialize=False, verbose_name='number')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('tier', models.CharField(max_length=63, verbose_name='written by')),
                ('action', models.CharField(max_length=40, verbose_name='action')),
                ('purpose', models.TextField(blank=True, verbose_name='reason')),
                ('detail', models.JSONField(verbose_name='details')),
                ('previous', models.BinaryField(max_length=32, unique=True)),
                ('hash', models.BinaryField(max_length=32)),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('section', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='web.section', verbose_name='section')),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit trail',
                'ordering': ['-seq'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('purpose__contains', '@'), _negated=True), models.Q(('detail__icontains', '@'), _negated=True)), name='audit_names_no_mailbox', violation_error_message='Do not enter e-mail addresses here: the reason is stored and others read it.')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('campaigner', 'Campaigner'), ('moderator', 'Moderator'), ('delivery_officer', 'Delivery officer'), ('privacy_officer', 'Privacy officer'), ('administrator', 'Administrator')], max_length=20, verbose_name='role')),
                ('section', models.ForeignKey(blank=True, help_text='Leave empty for all sections. Only possible for privacy officers and administrators.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='web.section', verbose_name='section')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'role',
                'verbose_name_plural': 'roles',
                'ordering': ['user', 'section', 'role'],
                'constraints': [models.UniqueConstraint(fields=('user', 'section', 'role'), name='membership_once', nulls_distinct=False, violation_error_message='This user already has this role there.'), models.CheckConstraint(condition=models.Q(('section__isnull', False), ('role__in', ['privacy_officer', 'administrator']), _connector='OR'), name='membership_everywhere_for_few', violation_error_message='Choose a section: this role applies to one section at a time.'), models.CheckConstraint(condition=models.Q(models.Q(('role', 'administrator'), _negated=True), ('section__isnull', True), _connector='OR'), name='membership_administrator_everywhere', violation_error_message='Leave the section empty: administrators manage users of all sections.')],
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('delivery', 'Delivery'), ('recipient', 'Officer key'), ('membership', 'Role'), ('factors', 'Removal of second factors'), ('disclosure', 'Disclosure'), ('shredding', 'Shredding')], max_length=12, verbose_name='type')),
                ('subject', models.JSONField(verbose_name='subject')),
                ('reason', models.TextField(blank=True, db_default='', verbose_name='reason')),
                ('state', models.CharField(choices=[('waiting', 'Pending approval'), ('approved', 'Approved'), ('refused', 'Rejected'), ('withdrawn', 'Withdrawn'), ('expired', 'Expired')], db_default='waiting', max_length=10, verbose_name='status')),
                ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='requested')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('answer', models.TextField(blank=True, db_default='', verbose_name='reason for rejection')),
                ('done_at', models.DateTimeField(null=True, verbose_name='completed')),
                ('problem', models.TextField(blank=True, db_default='', verbose_name='problem')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('section', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='web.section', verbose_name='section')),
            ],
            options={
                'verbose_name': 'approval request',
                'verbose_name_plural': 'approvals',
                'ordering': ['-requested_at', '-pk'],
                'indexes': [models.Index(models.F('requested_at'), condition=models.Q(('state', 'waiting')), name='proposal_waiting'), models.Index(models.F('kind'), condition=models.Q(('done_at__isnull', True), ('state', 'approved')), name='proposal_to_carry_out')],
                'constraints': [models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('requested_by')), _negated=True), _connector='OR'), name='proposal_needs_two_people', violation_error_message='Someone else has to decide on it.'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('state__in', ['approved', 'refused'])), models.Q(('decided_by__isnull', True), ('state__in', ['waiting', 'withdrawn', 'expired'])), _connector='OR'), name='proposal_decided_by_somebody'), models.CheckConstraint(condition=models.Q(('done_at__isnull', True), ('state', 'approved'), _connector='OR'), name='proposal_done_when_approved'), models.CheckConstraint(condition=models.Q(models.Q(('reason__contains', '@'), _negated=True), models.Q(('answer__contains', '@'), _negated=True)), name='proposal_names_no_mailbox', violation_error_message='Do not enter e-mail addresses here: the reason is stored and others read it.'), models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('kind', 'subject'), name='proposal_waits_once', violation_error_message='This has already been requested and is pending approval.')],
            },
        ),
    ]
