import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.lookups
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('petitions', '0001_initial'),
        ('staff', '0001_initial'),
        ('web', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CampaignKey',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='key', serialize=False, to='petitions.campaign')),
                ('public_key', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name': 'campaign key',
            },
        ),
        migrations.CreateModel(
            name='MailCount',
            fields=[
                ('label', models.BinaryField(max_length=16, primary_key=True, serialize=False)),
                ('on', models.DateField()),
                ('n', models.IntegerField(db_default=0)),
            ],
        ),
        migrations.CreateModel(
            name='MailTrouble',
            fields=[
                ('kind', models.CharField(max_length=24, primary_key=True, serialize=False)),
                ('refused', models.IntegerField(db_default=0)),
                ('reply', models.CharField(db_default='', max_length=40)),
                ('since', models.DateTimeField(null=True)),
                ('next_try', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Monitor',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='monitor', serialize=False, to='petitions.campaign')),
                ('at', models.DateTimeField()),
                ('figures', models.JSONField()),
                ('alarmed_at', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'Live activity',
                'verbose_name_plural': 'Live activity',
            },
        ),
        migrations.CreateModel(
            name='NoticeCount',
            fields=[
                ('on', models.DateField(primary_key=True, serialize=False)),
                ('bounced', models.IntegerField(db_default=0)),
                ('complained', models.IntegerField(db_default=0)),
                ('passed_over', models.IntegerField(db_default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Shredding',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='shredding', serialize=False, to='petitions.campaign')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='destroyed')),
            ],
            options={
                'verbose_name': 'shredding',
                'verbose_name_plural': 'shreddings',
            },
        ),
        migrations.CreateModel(
            name='Signature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField(null=True)),
                ('signed_on', models.DateField()),
                ('slot', models.SmallIntegerField(db_default=0)),
                ('share_name', models.BooleanField(db_default=False)),
                ('country', models.CharField(max_length=2)),
                ('source', models.CharField(choices=[('web', 'Website'), ('demo', 'Synthetic')], max_length=8)),
                ('state', models.CharField(choices=[('counted', 'Counted'), ('quarantined', 'Held for review'), ('excluded', 'Excluded'), ('withdrawn', 'Withdrawn')], max_length=11)),
                ('removed_for', models.CharField(blank=True, choices=[('network', 'Network'), ('domain', 'Domain'), ('comment', 'Comment'), ('screened', 'Screened'), ('other', 'Other')], db_default='', max_length=8)),
                ('fingerprint', models.BinaryField(max_length=16, null=True)),
                ('name_key', models.BinaryField(max_length=8, null=True)),
                ('withdrawal_hash', models.BinaryField(max_length=32, null=True)),
                ('sealed', models.BinaryField(null=True)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='petitions.campaign')),
            ],
            options={
                'verbose_name': 'signature',
            },
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('sha256', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('public_key', models.BinaryField(max_length=32)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name': 'signing key',
                'ordering': ['-created_at', 'sha256'],
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('label', models.BinaryField(max_length=16, primary_key=True, serialize=False)),
                ('why', models.CharField(choices=[('bounced', 'Bounced'), ('complained', 'Complained')], max_length=10)),
                ('on', models.DateField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('series', models.PositiveSmallIntegerField(default=1, verbose_name='series')),
                ('profile', models.CharField(choices=[('count', 'Totals only'), ('initials', 'Initials and country'), ('named', 'Names of those who agreed; others are only counted'), ('full', 'Everything, to a trusted third party')], default='count', max_length=10, verbose_name='disclosure')),
                ('first_number', models.BigIntegerField(editable=False, verbose_name='from number')),
                ('last_number', models.BigIntegerField(editable=False, verbose_name='to number')),
                ('state', models.CharField(choices=[('requested', 'Pending approval'), ('approved', 'Approved, queued'), ('ready', 'Ready'), ('failed', 'Failed'), ('withdrawn', 'Withdrawn'), ('expired', 'Expired')], default='requested', editable=False, max_length=10, verbose_name='status')),
                ('problem', models.TextField(blank=True, db_default='', editable=False, verbose_name='problem')),
                ('manifest', models.JSONField(editable=False, null=True, verbose_name='manifest')),
                ('manifest_sha256', models.CharField(blank=True, db_default='', editable=False, max_length=64)),
                ('archive', models.CharField(blank=True, db_default='', editable=False, max_length=200, verbose_name='file')),
                ('archive_sha256', models.CharField(blank=True, db_default='', editable=False, max_length=64, verbose_name='SHA-256')),
                ('built_at', models.DateTimeField(editable=False, null=True, verbose_name='built')),
                ('withdrawals_wait_until', models.DateTimeField(editable=False, null=True)),
                ('addressee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='petitions.addressee', verbose_name='addressee')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='petitions.campaign', verbose_name='campaign')),
                ('proposal', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='delivery', to='staff.proposal', verbose_name='approval')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'ordering': ['-proposal__requested_at'],
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('update', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='announcement', serialize=False, to='petitions.update')),
                ('rule', models.CharField(max_length=20)),
                ('signatures', models.BigIntegerField()),
                ('countries', models.IntegerField()),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='announcements', to='signatures.delivery')),
            ],
            options={
                'verbose_name': 'announcement',
            },
        ),
        migrations.CreateModel(
            name='DeliveryPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('tables', 'Tables (CSV, XLSX)'), ('volume', 'Printable volume (PDF)')], max_length=6)),
                ('position', models.PositiveIntegerField()),
                ('first_number', models.BigIntegerField()),
                ('last_number', models.BigIntegerField()),
                ('digest', models.BinaryField(max_length=32, null=True)),
                ('files', models.JSONField(null=True)),
                ('seconds', models.FloatField(null=True)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='signatures.delivery')),
            ],
            options={
                'ordering': ['delivery', 'kind', 'position'],
            },
        ),
        migrations.CreateModel(
            name='DeskKey',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('recipient', models.CharField(max_length=70)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='desk_key_is_one'), models.CheckConstraint(condition=models.Q(('recipient__regex', '^age1[02-9ac-hj-np-z]{58}$')), name='desk_key_is_age')],
            },
        ),
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('handed', 'Handed over'), ('refused', 'They refused it'), ('nobody', 'No one would receive it'), ('answered', 'They answered')], max_length=8, verbose_name='event')),
                ('on', models.DateField(verbose_name='date')),
                ('place', models.CharField(blank=True, max_length=200, verbose_name='place')),
                ('people', models.CharField(blank=True, help_text='Officials and our own staff, never signers. Not published.', max_length=500, verbose_name='people present')),
                ('reference', models.CharField(blank=True, max_length=100, verbose_name='the authority’s reference')),
                ('statement', models.TextField(blank=True, max_length=2000, verbose_name='public statement')),
                ('is_public', models.BooleanField(default=True, help_text='Show date, place, reference and public statement on the campaign’s pages.', verbose_name='public')),
                ('note', models.TextField(blank=True, help_text='Internal.', max_length=4000, verbose_name='note')),
                ('attachment', models.FileField(blank=True, upload_to='handover', validators=[django.core.validators.FileExtensionValidator(['pdf', 'png', 'jpg', 'jpeg'])], verbose_name='receipt or reply')),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers', to='signatures.delivery', verbose_name='delivery')),
                ('recorded_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'handover entry',
                'verbose_name_plural': 'handover log',
                'ordering': ['-on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='LabelCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=1)),
                ('label', models.BinaryField(max_length=8)),
                ('first_hour', models.DateTimeField()),
                ('last_hour', models.DateTimeField()),
                ('n', models.IntegerField()),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField()),
                ('received', models.IntegerField(db_default=0)),
                ('taken', models.IntegerField(db_default=0)),
                ('admitted', models.IntegerField(db_default=0)),
                ('duplicate', models.IntegerField(db_default=0)),
                ('held', models.IntegerField(db_default=0)),
                ('late', models.IntegerField(db_default=0)),
                ('unreadable', models.IntegerField(db_default=0)),
                ('removed', models.IntegerField(db_default=0)),
                ('withdrawn', models.IntegerField(db_default=0)),
                ('expired', models.IntegerField(db_default=0)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='ledger', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Mailing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('listed_to', models.BinaryField(max_length=16, null=True)),
                ('listed_at', models.DateTimeField(null=True)),
                ('sent', models.IntegerField(db_default=0)),
                ('given_up', models.IntegerField(db_default=0)),
                ('done_at', models.DateTimeField(null=True)),
                ('update', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='mailing', to='petitions.update')),
            ],
        ),
        migrations.CreateModel(
            name='NetworkRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network', models.CharField(help_text='192.0.2.0/24, 2001:db8::/32', max_length=43, unique=True, verbose_name='network')),
                ('verdict', models.CharField(choices=[('allow', 'Allow'), ('block', 'Block')], max_length=5, verbose_name='action')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('until', models.DateTimeField(blank=True, help_text='Leave empty for no end date.', null=True, verbose_name='until')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('made_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'network rule',
                'verbose_name_plural': 'network rules',
                'ordering': ['network'],
            },
        ),
        migrations.CreateModel(
            name='PublishedFigures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('edition', models.PositiveIntegerField()),
                ('published_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('added', models.BigIntegerField()),
                ('removed', models.BigIntegerField()),
                ('countries', models.JSONField()),
                ('days', models.JSONField()),
                ('sources', models.JSONField()),
                ('channels', models.JSONField()),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='editions', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipient', models.CharField(max_length=70, verbose_name='recipient')),
                ('state', models.CharField(choices=[('waiting', 'Pending approval'), ('pinned', 'Active'), ('revoked', 'Revoked')], db_default='waiting', max_length=8, verbose_name='status')),
                ('registered_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='registered')),
                ('by_hand', models.BooleanField(db_default=False)),
                ('challenge', models.BinaryField(null=True)),
                ('challenge_hash', models.BinaryField(max_length=32, null=True)),
                ('proof', models.BinaryField(max_length=32, null=True)),
                ('problem', models.CharField(blank=True, choices=[('not_allowed', 'Your role does not allow you to approve keys.'), ('not_pinned', 'You have no active key, so you cannot prove your identity.'), ('not_proven', 'The proof did not match. Try again.'), ('officer_left', 'The owner of this key no longer has a role that needs one.')], db_default='', max_length=12)),
                ('pinned_at', models.DateTimeField(null=True, verbose_name='active since')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='revoked')),
                ('approver', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recipients', to=settings.AUTH_USER_MODEL, verbose_name='officer')),
                ('proposal', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='recipient', to='staff.proposal')),
            ],
            options={
                'verbose_name': 'officer key',
                'verbose_name_plural': 'officer keys',
                'ordering': ['-registered_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Register',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='register', serialize=False, to='petitions.campaign')),
                ('last_number', models.BigIntegerField(db_default=0)),
                ('counted', models.BigIntegerField(db_default=0)),
                ('added', models.BigIntegerField(db_default=0)),
                ('removed', models.BigIntegerField(db_default=0)),
                ('unsettled', models.JSONField(db_default=models.Value({}, models.JSONField()))),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('counted__lte', models.F('last_number'))), name='register_counts_what_it_numbered')],
            },
        ),
        migrations.CreateModel(
            name='Reveal',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('number', 'By number'), ('email', 'By e-mail address, in all campaigns of a section'), ('list', 'Held for review (details masked)')], max_length=6, verbose_name='type')),
                ('purpose', models.CharField(choices=[('own_request', 'The signer asks about their own signature'), ('complaint', 'Someone says they did not sign'), ('review', 'Checking a suspicious signature'), ('verification', 'A verifier asks about a number'), ('fault', 'Investigating a technical problem')], max_length=12, verbose_name='purpose')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('number', models.BigIntegerField(null=True)),
                ('query', models.BinaryField(null=True)),
                ('page', models.PositiveIntegerField(null=True)),
                ('state', models.CharField(choices=[('asked', 'Waiting for an answer'), ('answered', 'Answered'), ('refused', 'Refused'), ('closed', 'Closed')], db_default='asked', max_length=8, verbose_name='status')),
                ('refusal', models.CharField(blank=True, choices=[('not_allowed', 'Your role in this section does not allow this.'), ('not_pinned', 'You have no active key, so nothing can be encrypted to you.'), ('limit', 'You have reached the limit of signature lookups per 24 hours.'), ('unreadable', 'Your request arrived damaged. Send it again.'), ('no_keys', 'The keys of this campaign are not available, so its signatures cannot be opened.'), ('expired', 'There was no answer within ten minutes, so the request has expired. Send it again.')], db_default='', max_length=12)),
                ('answer', models.BinaryField(null=True)),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='requested')),
                ('answered_at', models.DateTimeField(null=True)),
                ('campaign', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='petitions.campaign', verbose_name='campaign')),
                ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='officer')),
                ('section', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='web.section', verbose_name='section')),
            ],
            options={
                'verbose_name': 'signature lookup',
                'verbose_name_plural': 'signature lookups',
                'ordering': ['-asked_at'],
            },
        ),
        migrations.CreateModel(
            name='Ruling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(choices=[('hold', 'Hold for review'), ('exclude', 'Exclude'), ('count', 'Count')], max_length=7, verbose_name='decision')),
                ('query', models.JSONField(verbose_name='criteria')),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('state', models.CharField(choices=[('asked', 'Counting matches'), ('ready', 'Awaiting your confirmation'), ('running', 'In progress'), ('done', 'Applied'), ('cancelled', 'Stopped'), ('undoing', 'Undoing'), ('undone', 'Undone')], db_default='asked', editable=False, max_length=9, verbose_name='status')),
                ('would_touch', models.IntegerField(editable=False, null=True, verbose_name='signatures affected')),
                ('touched', models.IntegerField(db_default=0, editable=False, verbose_name='changed so far')),
                ('reached', models.BigIntegerField(db_default=0, editable=False)),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rulings', to='petitions.campaign', verbose_name='campaign')),
                ('made_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'ruling',
                'verbose_name_plural': 'rulings',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='SealingKey',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('wrapped', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Trace',
            fields=[
                ('signature', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='trace', serialize=False, to='signatures.signature')),
                ('hour', models.DateTimeField()),
                ('network', models.BinaryField(max_length=8)),
                ('wide', models.BinaryField(max_length=8)),
                ('domain', models.BinaryField(max_length=8)),
                ('comment', models.BinaryField(max_length=8, null=True)),
                ('reasons', models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='RulingItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.CharField(max_length=11)),
                ('removed_for', models.CharField(db_default='', max_length=8)),
                ('ruling', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='signatures.ruling')),
                ('signature', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='signatures.signature')),
            ],
        ),
        migrations.CreateModel(
            name='NewsMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ('problem', models.CharField(blank=True, db_default='', max_length=40)),
                ('mailing', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='signatures.mailing')),
                ('signature', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='signatures.signature')),
            ],
        ),
        migrations.CreateModel(
            name='SigningRules',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='signing_rules', serialize=False, to='petitions.campaign')),
                ('remind_after_days', models.PositiveSmallIntegerField(blank=True, help_text='Sends one reminder to people who have not confirmed by then. Leave empty for no reminder.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(29)], verbose_name='reminder after (days)')),
                ('proof_of_work', models.CharField(choices=[('off', 'Never'), ('auto', 'When signatures arrive unusually fast'), ('on', 'Always')], db_default='auto', default='auto', help_text='Costs the signer’s device a second or two while they type, unnoticed; makes mass signing expensive.', max_length=4, verbose_name='proof of work')),
                ('work_until', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'signing rules',
                'verbose_name_plural': 'signing rules',
                'constraints': [models.CheckConstraint(condition=models.Q(('remind_after_days__isnull', True), ('remind_after_days__range', (1, 29)), _connector='OR'), name='signing_rules_remind_within_a_month')],
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('token_hash', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('sealed', models.BinaryField(null=True)),
                ('source', models.CharField(choices=[('web', 'Website'), ('demo', 'Synthetic')], db_default='web', max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('mail_due', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('mail_counted_on', models.DateField(null=True)),
                ('mail_problem', models.CharField(blank=True, db_default='', max_length=40)),
                ('bounced_on', models.DateField(null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(choices=[('counted', 'Counted'), ('duplicate', 'Duplicate'), ('held', 'Held for review'), ('late', 'Confirmed too late'), ('unreadable', 'Unreadable')], max_length=10, null=True)),
                ('number', models.BigIntegerField(null=True)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='petitions.campaign')),
                ('sealing_key', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='signatures.sealingkey')),
            ],
            options={
                'verbose_name': 'submission',
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(max_length=2)),
                ('signed_on', models.DateField()),
                ('source', models.CharField(max_length=8)),
                ('n', models.IntegerField()),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tally', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='TallySum',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dimension', models.CharField(choices=[('country', 'Country'), ('day', 'Day'), ('source', 'Source'), ('channel', 'Channel'), ('language', 'Language of the page'), ('delay', 'Time to confirm'), ('outside', 'Not counted')], max_length=8)),
                ('key', models.CharField(max_length=16)),
                ('n', models.BigIntegerField()),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tally_sums', to='petitions.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Unsubscription',
            fields=[
                ('token_hash', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func(models.F('token_hash'), function='octet_length', output_field=models.IntegerField()), 32), name='unsubscription_token_hash_32')],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('token_hash', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('outcome', models.CharField(choices=[('withdrawn', 'Withdrawn'), ('unknown', 'Unknown')], max_length=10, null=True)),
            ],
            options={
                'indexes': [models.Index(models.F('created_at'), condition=models.Q(('outcome__isnull', True)), name='withdrawal_to_apply')],
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func(models.F('token_hash'), function='octet_length', output_field=models.IntegerField()), 32), name='withdrawal_token_hash_32')],
            },
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'ready'), _negated=True), models.Q(('manifest__isnull', False), models.Q(('archive', ''), _negated=True), models.Q(('archive_sha256', ''), _negated=True)), _connector='OR'), name='delivery_ready_has_packet'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('first_number__gte', 1), ('last_number__gte', django.db.models.expressions.CombinedExpression(models.F('first_number'), '-', models.Value(1)))), name='delivery_range_in_order'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['withdrawn', 'expired']), _negated=True), fields=('campaign', 'addressee', 'series', 'first_number'), name='delivery_ranges_disjoint', violation_error_message='A delivery of these numbers has already been requested.'),
        ),
        migrations.AddConstraint(
            model_name='deliverypart',
            constraint=models.UniqueConstraint(fields=('delivery', 'kind', 'position'), name='delivery_part_once'),
        ),
        migrations.AddConstraint(
            model_name='deliverypart',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('digest__isnull', True), ('files__isnull', True), ('seconds__isnull', True)), models.Q(('digest__isnull', False), ('files__isnull', False), ('seconds__isnull', False)), _connector='OR'), name='delivery_part_built_or_not'),
        ),
        migrations.AddConstraint(
            model_name='labelcount',
            constraint=models.UniqueConstraint(fields=('campaign', 'kind', 'label'), name='label_counted_once'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.UniqueConstraint(fields=('campaign', 'on'), name='ledger_one_row_a_day'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(('taken', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('admitted'), '+', models.F('duplicate')), '+', models.F('held')), '+', models.F('late')), '+', models.F('unreadable')))), name='ledger_entry_adds_up'),
        ),
        migrations.AddConstraint(
            model_name='publishedfigures',
            constraint=models.UniqueConstraint(fields=('campaign', 'edition'), name='published_edition_once'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.CheckConstraint(condition=models.Q(('recipient__regex', '^age1[02-9ac-hj-np-z]{58}$')), name='recipient_is_age'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(fields=('recipient',), name='recipient_once', violation_error_message='This key was registered before.'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'pinned')), fields=('officer',), name='recipient_one_pinned_an_officer'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('officer',), name='recipient_one_waiting_an_officer', violation_error_message='You already have a key pending approval.'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.CheckConstraint(condition=models.Q(('by_hand', True), ('proposal__isnull', False), _connector='OR'), name='recipient_is_proposed_or_by_hand'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'pinned'), _negated=True), ('pinned_at__isnull', False), _connector='OR'), name='recipient_pinned_has_time'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.CheckConstraint(condition=models.Q(('approver__isnull', True), models.Q(('approver', models.F('officer')), _negated=True), _connector='OR'), name='recipient_approved_by_another'),
        ),
        migrations.AddIndex(
            model_name='reveal',
            index=models.Index(models.F('asked_at'), condition=models.Q(('state__in', ['asked', 'answered'])), name='reveal_open'),
        ),
        migrations.AddIndex(
            model_name='reveal',
            index=models.Index(models.F('officer'), models.F('answered_at'), condition=models.Q(('answered_at__isnull', False)), name='reveal_by_officer'),
        ),
        migrations.AddConstraint(
            model_name='reveal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('campaign__isnull', False), ('kind', 'number'), ('number__gte', 1), ('page__isnull', True), ('query__isnull', True)), models.Q(('campaign__isnull', True), ('kind', 'email'), ('number__isnull', True), ('page__isnull', True)), models.Q(('campaign__isnull', False), ('kind', 'list'), ('number__isnull', True), ('page__gte', 1), ('query__isnull', True)), _connector='OR'), name='reveal_asks_for_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='reveal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer__isnull', False), ('answered_at__isnull', False), ('query__isnull', True), ('state', 'answered')), models.Q(models.Q(('state', 'answered'), _negated=True), ('answer__isnull', True)), _connector='OR'), name='reveal_answer_only_while_answered'),
        ),
        migrations.AddConstraint(
            model_name='reveal',
            constraint=models.CheckConstraint(condition=models.Q(('reason__contains', '@'), _negated=True), name='reveal_reason_names_no_mailbox'),
        ),
        migrations.AddConstraint(
            model_name='reveal',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(models.Func(models.F('query'), function='octet_length', output_field=models.IntegerField()), 4096), name='reveal_query_is_no_book'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'cancelled']), ('would_touch__isnull', False), _connector='OR'), name='ruling_runs_after_a_preview'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='ruling_has_a_reason'),
        ),
        migrations.AddField(
            model_name='trace',
            name='campaign',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='petitions.campaign'),
        ),
        migrations.AddIndex(
            model_name='signature',
            index=django.contrib.postgres.indexes.HashIndex(fields=['withdrawal_hash'], name='signature_by_withdrawal'),
        ),
        migrations.AddIndex(
            model_name='signature',
            index=models.Index(models.F('campaign'), models.F('state'), condition=models.Q(('state', 'counted'), _negated=True), name='signature_not_counted'),
        ),
        migrations.AddConstraint(
            model_name='signature',
            constraint=models.UniqueConstraint(fields=('campaign', 'fingerprint', 'slot'), name='signature_once_per_slot'),
        ),
        migrations.AddConstraint(
            model_name='signature',
            constraint=models.UniqueConstraint(fields=('campaign', 'number'), name='signature_number_once'),
        ),
        migrations.AddConstraint(
            model_name='signature',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'counted'), _negated=True), ('number__isnull', False), _connector='OR'), name='signature_counted_has_number'),
        ),
        migrations.AddConstraint(
            model_name='signature',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fingerprint__isnull', True), ('name_key__isnull', True), ('sealed__isnull', True), ('state', 'withdrawn'), ('withdrawal_hash__isnull', True)), models.Q(models.Q(('state', 'withdrawn'), _negated=True), ('fingerprint__isnull', False), ('name_key__isnull', False), ('sealed__isnull', False), ('withdrawal_hash__isnull', False)), _connector='OR'), name='signature_withdrawn_is_erased'),
        ),
        migrations.AddIndex(
            model_name='rulingitem',
            index=models.Index(fields=['signature'], name='ruling_item_by_signature'),
        ),
        migrations.AddConstraint(
            model_name='rulingitem',
            constraint=models.UniqueConstraint(fields=('ruling', 'signature'), name='ruling_touches_once'),
        ),
        migrations.AddIndex(
            model_name='newsmail',
            index=models.Index(models.F('due'), name='newsmail_due'),
        ),
        migrations.AddConstraint(
            model_name='newsmail',
            constraint=models.UniqueConstraint(fields=('mailing', 'signature'), name='newsmail_one_per_person'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(models.F('campaign'), models.F('confirmed_at'), condition=models.Q(('confirmed_at__isnull', False), ('outcome__isnull', True)), name='submission_to_admit'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(models.F('mail_due'), condition=models.Q(('mail_due__isnull', False)), name='submission_to_mail'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(models.F('sealing_key'), condition=models.Q(('sealing_key__isnull', False)), name='submission_of_key'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(models.F('created_at'), name='submission_by_age'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func(models.F('token_hash'), function='octet_length', output_field=models.IntegerField()), 32), name='submission_token_hash_32'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sealed__isnull', False), ('sealing_key__isnull', False)), models.Q(('outcome__isnull', False), ('sealed__isnull', True), ('sealing_key__isnull', True)), _connector='OR'), name='submission_sealed_until_taken'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('campaign', 'country', 'signed_on', 'source'), name='tally_cell_once'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.CheckConstraint(condition=models.Q(('n__gte', 0)), name='tally_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='tallysum',
            constraint=models.UniqueConstraint(fields=('campaign', 'dimension', 'key'), name='tally_sum_once'),
        ),
        migrations.AddConstraint(
            model_name='tallysum',
            constraint=models.CheckConstraint(condition=models.Q(('n__gte', 0)), name='tally_sum_not_negative'),
        ),
        migrations.AddIndex(
            model_name='trace',
            index=django.contrib.postgres.indexes.BrinIndex(models.F('hour'), autosummarize=True, name='trace_by_hour'),
        ),
    ]
