import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import django_countries.fields
import uuid
from django.conf import settings
from django.contrib.postgres.operations import UnaccentExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('web', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # For full-text search (config/database/search.sql).
        UnaccentExtension(),
        migrations.CreateModel(
            name='Addressee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('name', models.CharField(help_text='“The Minister of Internal Affairs”', max_length=200, verbose_name='name or title')),
                ('institution', models.CharField(blank=True, max_length=200, verbose_name='institution')),
                ('country', django_countries.fields.CountryField(blank=True, max_length=2, verbose_name='country')),
                ('address', models.TextField(blank=True, verbose_name='postal address')),
                ('letters_in', models.CharField(blank=True, db_default='', default='', help_text='A language code, such as “ru” or “be”. Letters are written in this language as well as in the campaign’s.', max_length=10, verbose_name='letter language')),
                ('trusted_third_party', models.BooleanField(default=False, help_text='Verifies signatures. Petitions cannot be addressed to it.', verbose_name='trusted third party')),
            ],
            options={
                'verbose_name': 'addressee',
                'verbose_name_plural': 'addressees',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('slug', models.SlugField(help_text='The end of the link: /c/…/', max_length=80, unique=True, verbose_name='address')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('lead', models.TextField(help_text='One or two sentences on what is at stake.', max_length=600, verbose_name='lead')),
                ('background', models.TextField(blank=True, help_text='Formatted with Markdown.', verbose_name='background')),
                ('pledge', models.TextField(help_text='What a supporter states by signing.', max_length=600, verbose_name='pledge')),
                ('topic', models.CharField(blank=True, max_length=60, verbose_name='topic')),
                ('region', models.CharField(blank=True, max_length=60, verbose_name='region')),
                ('goal', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='goal')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('review', 'In review'), ('open', 'Open'), ('closed', 'Closed'), ('delivered', 'Delivered'), ('archived', 'Archived'), ('removed', 'Taken down')], default='draft', max_length=10, verbose_name='status')),
                ('launched_on', models.DateField(blank=True, null=True, verbose_name='launched on')),
                ('last_update_on', models.DateField(blank=True, help_text='When these texts last changed. Updates are dated separately.', null=True, verbose_name='last update')),
                ('opens_at', models.DateTimeField(blank=True, null=True, verbose_name='opens')),
                ('closes_at', models.DateTimeField(blank=True, null=True, verbose_name='closes')),
                ('paused_at', models.DateTimeField(editable=False, null=True, verbose_name='paused')),
                ('paused_with_site', models.BooleanField(db_default=False, default=False, editable=False)),
                ('state_reason', models.TextField(blank=True, db_default='', default='', editable=False, help_text='Why it was sent back, paused or taken down. Readers may see it.', max_length=600, verbose_name='reason')),
                ('at_risk', models.BooleanField(default=False, help_text='The addressee only ever gets totals, e-mails are neutral, and no details of signers are public.', verbose_name='signers are at risk')),
                ('disclosure', models.CharField(choices=[('count', 'Totals only'), ('initials', 'Initials and country'), ('named', 'Names of those who agreed; others are only counted'), ('full', 'Everything, to a trusted third party')], default='count', help_text='The most a delivery may disclose to the addressee. Once someone has signed, it can only be reduced.', max_length=10, verbose_name='disclosure')),
                ('persons_per_mailbox', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)], verbose_name='signatures per e-mail address')),
                ('responsible', models.CharField(default='', max_length=200, verbose_name='responsible organisation')),
                ('contact_email', models.EmailField(blank=True, max_length=254, verbose_name='contact e-mail')),
                ('donate_url', models.URLField(blank=True, db_default='', default='', verbose_name='donation link')),
                ('addressee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='petitions.addressee', verbose_name='addressee')),
                ('review_requested_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('section', models.ForeignKey(help_text='The section that runs this campaign.', on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='web.section', verbose_name='section')),
            ],
            options={
                'verbose_name': 'campaign',
                'verbose_name_plural': 'campaigns',
                'ordering': ['-launched_on', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Demand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('position', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='number')),
                ('text', models.CharField(max_length=300, verbose_name='demand')),
                ('explanation', models.TextField(blank=True, max_length=1000, verbose_name='explanation')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='demands', to='petitions.campaign')),
            ],
            options={
                'verbose_name': 'demand',
                'verbose_name_plural': 'demands',
                'ordering': ['campaign', 'position'],
            },
        ),
        migrations.CreateModel(
            name='DemandStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('state', models.CharField(choices=[('unmet', 'Unmet'), ('promised', 'Promised'), ('partly', 'Partly met'), ('met', 'Met')], max_length=8, verbose_name='status')),
                ('on', models.DateField(verbose_name='date')),
                ('evidence', models.TextField(help_text='What was said or done, and by whom.', max_length=1000, verbose_name='evidence')),
                ('url', models.URLField(blank=True, verbose_name='link')),
                ('demand', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='petitions.demand', verbose_name='demand')),
            ],
            options={
                'verbose_name': 'progress entry',
                'verbose_name_plural': 'progress on demands',
                'ordering': ['-on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('alt', models.CharField(help_text='One sentence describing the picture, for people who cannot see it.', max_length=300, verbose_name='alternative text')),
                ('caption', models.CharField(max_length=300, verbose_name='caption')),
                ('credit', models.CharField(help_text='Photographer and licence.', max_length=200, verbose_name='credit')),
                ('made_on', models.DateField(help_text='When it was taken or created.', verbose_name='date')),
                ('focus_x', models.PositiveSmallIntegerField(default=50, help_text='In percent. Every crop keeps this point in view.', validators=[django.core.validators.MaxValueValidator(100)], verbose_name='focal point from the left')),
                ('focus_y', models.PositiveSmallIntegerField(default=50, validators=[django.core.validators.MaxValueValidator(100)], verbose_name='focal point from the top')),
                ('key', models.CharField(editable=False, max_length=24)),
                ('width', models.PositiveIntegerField(editable=False, verbose_name='width')),
                ('height', models.PositiveIntegerField(editable=False, verbose_name='height')),
                ('widths', models.JSONField(editable=False)),
                ('section', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pictures', to='web.section', verbose_name='section')),
            ],
            options={
                'verbose_name': 'picture',
                'verbose_name_plural': 'pictures',
                'ordering': ['-made_on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Dossier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('slug', models.SlugField(max_length=80, unique=True, verbose_name='address')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('lead', models.TextField(max_length=600, verbose_name='lead')),
                ('taken_down', models.BooleanField(db_default=False, default=False, help_text='Its page then says it has been removed, and nothing links to it any more.', verbose_name='taken down')),
                ('campaigns', models.ManyToManyField(blank=True, related_name='dossiers', to='petitions.campaign')),
                ('picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='petitions.picture', verbose_name='picture')),
            ],
            options={
                'verbose_name': 'dossier',
                'verbose_name_plural': 'dossiers',
                'ordering': ['title'],
            },
        ),
        migrations.CreateModel(
            name='Coverage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('summary', models.TextField(max_length=1000, verbose_name='summary')),
                ('source', models.CharField(max_length=200, verbose_name='source')),
                ('credit', models.CharField(blank=True, max_length=200, verbose_name='credit')),
                ('url', models.URLField(blank=True, verbose_name='link')),
                ('published_on', models.DateField(verbose_name='date')),
                ('dossier', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='coverage', to='petitions.dossier')),
                ('picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='petitions.picture', verbose_name='picture')),
            ],
            options={
                'verbose_name': 'coverage',
                'verbose_name_plural': 'coverage',
                'ordering': ['-published_on'],
            },
        ),
        migrations.AddField(
            model_name='campaign',
            name='picture',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='petitions.picture', verbose_name='picture'),
        ),
        migrations.CreateModel(
            name='Update',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(db_default='en', default='en', max_length=10, verbose_name='original language')),
                ('translations', models.JSONField(blank=True, db_default={}, default=dict, editable=False, verbose_name='translations')),
                ('kind', models.CharField(choices=[('update', 'Update'), ('press', 'Press release')], default='update', max_length=10, verbose_name='kind')),
                ('breaking', models.BooleanField(db_default=False, default=False, help_text='Shows a “breaking” label for two days.', verbose_name='breaking')),
                ('slug', models.SlugField(max_length=80, verbose_name='address')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('lead', models.TextField(max_length=600, verbose_name='lead')),
                ('body', models.TextField(blank=True, help_text='Formatted with Markdown. [[name.total]] inserts a figure saved under that name on the tally page.', verbose_name='text')),
                ('quote', models.TextField(blank=True, max_length=1000, verbose_name='quote')),
                ('quote_by', models.CharField(blank=True, max_length=200, verbose_name='quoted person')),
                ('media_contact', models.TextField(blank=True, max_length=500, verbose_name='media contact')),
                ('published_at', models.DateTimeField(blank=True, help_text='UTC. It is public from then on. Leave empty to keep it as a draft.', null=True, verbose_name='published on')),
                ('taken_down', models.BooleanField(db_default=False, default=False, help_text='Its page then says it has been removed, and nothing links to it any more.', verbose_name='taken down')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='petitions.campaign')),
                ('picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='petitions.picture', verbose_name='picture')),
            ],
            options={
                'verbose_name': 'update',
                'verbose_name_plural': 'updates',
                'ordering': ['-published_at'],
            },
        ),
        migrations.CreateModel(
            name='ClaimSnapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(help_text='The name that texts use for them, as in [[name.total]].', max_length=40, verbose_name='name')),
                ('taken_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='saved on')),
                ('total', models.BigIntegerField(editable=False, verbose_name='signatures')),
                ('countries', models.JSONField(editable=False)),
                ('other', models.BigIntegerField(editable=False)),
                ('edition', models.PositiveIntegerField(editable=False, null=True)),
                ('last_number', models.BigIntegerField(editable=False)),
                ('rule', models.CharField(editable=False, max_length=300)),
                ('software', models.CharField(editable=False, max_length=60)),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='petitions.campaign')),
            ],
            options={
                'verbose_name': 'saved figures',
                'verbose_name_plural': 'saved figures',
                'ordering': ['-taken_at'],
                'constraints': [models.UniqueConstraint(fields=('campaign', 'name'), name='claim_name_once_per_campaign')],
            },
        ),
        migrations.AddConstraint(
            model_name='demand',
            constraint=models.UniqueConstraint(fields=('campaign', 'position'), name='demand_position_once'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('alt', ''), _negated=True), models.Q(('caption', ''), _negated=True), models.Q(('credit', ''), _negated=True)), name='picture_says_what_it_is'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.CheckConstraint(condition=models.Q(('focus_x__range', (0, 100)), ('focus_y__range', (0, 100))), name='picture_focus_is_inside'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('at_risk', False), ('disclosure', 'count'), _connector='OR'), name='campaign_at_risk_means_count_only', violation_error_message='If signers are at risk, only totals can be disclosed.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('disclosure', 'full'), _negated=True), name='campaign_full_is_for_third_parties', violation_error_message='Full disclosure is only possible to a trusted third party, never to an addressee.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('opens_at__isnull', True), ('closes_at__isnull', True), ('closes_at__gt', models.F('opens_at')), _connector='OR'), name='campaign_closes_after_it_opens', violation_error_message='The closing time must be after the opening time.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['closed', 'delivered']), _negated=True), ('closes_at__isnull', False), _connector='OR'), name='campaign_closed_says_when', violation_error_message='Enter the closing time: the period for late confirmations starts then.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('paused_at__isnull', True), ('paused_with_site', False)), models.Q(('paused_at__isnull', False), ('state', 'open')), _connector='OR'), name='campaign_paused_while_open', violation_error_message='Only an open campaign can be paused.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'removed'), _negated=True), models.Q(('state_reason', ''), _negated=True), _connector='OR'), name='campaign_removed_says_why'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('persons_per_mailbox__range', (1, 5))), name='campaign_persons_per_mailbox_1_to_5'),
        ),
        migrations.AddConstraint(
            model_name='update',
            constraint=models.UniqueConstraint(fields=('campaign', 'slug'), name='update_slug_once_per_campaign'),
        ),
    ]
