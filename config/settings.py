"""All settings. Every environment variable is read here, and only here; each has a comment."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy
from environ.fileaware_mapping import FileAwareMapping

from config import addresses, redis_rights
from web.i18n.languages import DEFAULT
from web.i18n.languages import LANGUAGES as OUR_LANGUAGES

BASE_DIR = Path(__file__).resolve().parent.parent


class _Environment(FileAwareMapping):
    """The environment, where X_FILE=/run/credentials/… stands for X: secrets need not be in the environment itself."""

    def __getitem__(self, key: str) -> str:
        try:
            return str(super().__getitem__(key)).rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{key}_FILE cannot be read ({type(error).__name__}).") from None


env = environ.Env()
env.ENVIRON = _Environment()

# Which of the four kinds of process this is: owner (migrates, grants), public (the site), desk (staff), or worker. It
# decides what is installed and answered, and names the database role a process is meant to log in as.
ROLE = env.str("ROLE", "owner")
if ROLE not in {"owner", "public", "desk", "worker"}:
    raise ImproperlyConfigured(f"ROLE must be owner, public, desk or worker, not {ROLE!r}.")
# Processes in which staff's code is loaded: the desk, and whoever makes tables and logins.
HAS_STAFF = ROLE in {"desk", "owner"}

# Where everything lives that is made on this machine: the embedded servers, mail of the demo, packets.
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))

# Each tier has one of its own, and no secret of one opens anything of another. Of public: keys the labels of networks.
# Of desk, and of owner, which makes logins: signs sessions and forms. Required in production.
SECRET_KEY = env.str("SECRET_KEY", "")
# Earlier values of SECRET_KEY, comma-separated: sessions and links signed under them stay good, and second factors
# that were sealed under them can be opened.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# What second factors (seeds of authenticator apps and of recovery codes) are sealed under: the desk's alone, at least
# 50 random characters. Required in production; unset, a key made from SECRET_KEY stands in, as it did before.
FACTORS_KEY = env.str("FACTORS_KEY", "")
# Earlier values, comma-separated, until `reseal_factors` has run.
FACTORS_KEY_FALLBACKS = env.list("FACTORS_KEY_FALLBACKS", default=[])
if not HAS_STAFF and (FACTORS_KEY or FACTORS_KEY_FALLBACKS):
    raise ImproperlyConfigured("FACTORS_KEY is the desk's alone. Do not set it for other tiers.")
# Shows tracebacks in the browser. Never in production: a traceback can hold what a supporter typed.
DEBUG = env.bool("DEBUG", False)
# The site's own address, "https://petitions.example.org": for links in mails, hosts and origins. An international
# name may be written as it is read. What is no such address, a check refuses (config/checks.py).
SITE_URL = env.str("SITE_URL", "http://127.0.0.1:8000")
# Staff's address: another host name or port than the site's, for both set cookies under /admin/ only. It need not be
# reachable by the public: behind a VPN, say, or an onion service.
DESK_URL = env.str("DESK_URL", "http://127.0.0.1:8001")
with contextlib.suppress(ValueError):
    SITE_URL = addresses.site(SITE_URL)
with contextlib.suppress(ValueError):
    DESK_URL = addresses.site(DESK_URL)
# What this process serves.
OWN_URL = DESK_URL if ROLE == "desk" else SITE_URL


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or "127.0.0.1"
    except ValueError:
        return "127.0.0.1"


def _as_asked_for(host: str) -> str:
    try:
        return addresses.host_name(host)
    except ValueError:
        return host  # ".example.org", "*", an IPv6 address: Django's own


# Host names of sections that have a site of their own, comma-separated, the same in every process: the public site
# answers at them, an administrator gives each to a section at the desk (Identities), and links of its mails lead there.
SECTION_HOSTS = [*map(_as_asked_for, env.list("SECTION_HOSTS", default=[]))]
# Further host names that may serve it, comma-separated.
ALLOWED_HOSTS = [_host_of(OWN_URL), *map(_as_asked_for, env.list("ALLOWED_HOSTS", default=[]))]
if ROLE != "desk":
    ALLOWED_HOSTS += SECTION_HOSTS
if "127.0.0.1" in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append("localhost")
# How many proxies in front of us write X-Forwarded-For. Counted from the right; the rest is forgeable.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)

# --- the database -----------------------------------------------------------------------------------------
# postgres://user:password@host:port/name, or ?host=/socket/dir. Each process has its own role's.
# Where it is unset, manage.py starts the embedded PostgreSQL and sets it (config/local/embedded.py).
DATABASE_URL = env.str("DATABASE_URL", "")
# How many connections one web process may hold; as many as it has threads.
DATABASE_POOL = env.int("DATABASE_POOL", 8)
# The names of the three roles that the owner grants rights to (config/database/grants.py).
PUBLIC_ROLE = env.str("PUBLIC_ROLE", "undersigned_public")
DESK_ROLE = env.str("DESK_ROLE", "undersigned_desk")
WORKER_ROLE = env.str("WORKER_ROLE", "undersigned_worker")


# Milliseconds that a statement may take, that it may wait for a lock, and that a transaction may lie idle, by tier. No
# page of the site takes a second, so what holds a lock there is wrong; a worker's longest statement counts millions.
# The owner migrates, and has no limit. DATABASE_URL may say otherwise: ?options=-c%20lock_timeout%3D9000
LIMITS = {
    "public": {"statement_timeout": 5_000, "lock_timeout": 2_000, "idle_in_transaction_session_timeout": 10_000},
    "desk": {"statement_timeout": 30_000, "lock_timeout": 5_000, "idle_in_transaction_session_timeout": 30_000},
    "worker": {"statement_timeout": 1_800_000, "lock_timeout": 60_000},
}


def _limits(of: dict[str, int]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in of.items())


def _database(url: str) -> dict[str, object]:
    schemes = dict.fromkeys(("postgres", "postgresql"), r"/[^/:]*|")
    parts = addresses.service("DATABASE_URL", url or "postgres:///undersigned", schemes)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or unquote(parts.hostname or "")
    options: dict[str, object] = {
        # Values travel beside the statement, so the server's log never holds one.
        "server_side_binding": True,
        # Statements are prepared at their fifth use: planning cost 30 of the 180 µs that the server spends
        # on a signature. A pooler in between has to know prepared statements (PgBouncer: max_prepared_statements).
        "prepare_threshold": 5,
        "connect_timeout": 3,
        **({"options": _limits(LIMITS[ROLE])} if ROLE in LIMITS else {}),
        **query,
    }
    database: dict[str, object] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
    if ROLE in {"public", "desk"}:
        # Opening a connection costs 2–5 ms, more than the INSERT it is for. A supporter is told
        # "try again" after 3 s at most when none can be had.
        options["pool"] = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 3, "reconnect_timeout": 5}
    else:
        database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    return database


DATABASES = {"default": _database(DATABASE_URL)}
# As written into each packet. The same as in pyproject.toml (a test holds them together).
VERSION = "0.2.0"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: the doorbell and the limits. It holds no personal data and may be flushed at any time ---------
# redis://host:port/0, rediss://…, or unix:///path/to/socket?db=0
# Each tier has a user of its own there, who may touch what its tier needs (config/redis_rights.py).
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
# Two installations, or two test processes, may share one Redis: what its keys begin with.
CACHE_PREFIX = env.str("CACHE_PREFIX", "undersigned")
COUNTERS_PREFIX = redis_rights.counters_prefix(CACHE_PREFIX)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": redis_rights.cache_prefix(CACHE_PREFIX, ROLE),
        # Where Redis is away, signing must go on: fail fast rather than wait.
        "OPTIONS": {
            "socket_connect_timeout": 0.3,
            "socket_timeout": 0.5,
            # Django's own unpickles what Redis answers: whoever holds Redis would run code in the web.
            "serializer": "web.redaction.PlainSerializer",
        },
    }
}


def _broker(url: str) -> str:
    """kombu spells a Unix socket redis+socket://PATH?virtual_host=DB."""
    parts = addresses.service("REDIS_URL", url, {"redis": r"(/\d*)?", "rediss": r"(/\d*)?", "unix": r"/.+"})
    if parts.scheme != "unix":
        return url
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={parse_qs(parts.query).get('db', ['0'])[-1]}"


CELERY_BROKER_URL = _broker(REDIS_URL)
# Two installations, or two test processes, may share one Redis: each has its own queue.
CELERY_TASK_DEFAULT_QUEUE = env.str("QUEUE", "undersigned")
CELERY_TASK_IGNORE_RESULT = True
# What tells workers of work: by name, for no web process imports what workers do.
WORKER_NOTIFIER = "config.celery.notify"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Whoever holds Redis may ring; it may not shut workers down or ask them for their settings.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_ACCEPT_CONTENT = ["json"]
# True would kill what is being done at each loss of Redis; a worker so interrupted was seen to stop for good.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.3,
    "socket_timeout": 5,
    "visibility_timeout": 3600,
    # No notice has a priority, so each queue is one list, by its own name (config/redis_rights.py).
    "priority_steps": [0],
}

# --- keys: a directory that only workers mount (signatures/register/keyring.py) ---------------------------
KEYRING_DIR: Path | None = Path(env.str("KEYRING_DIR")) if env.str("KEYRING_DIR", "") else None
if ROLE in {"public", "desk"} and KEYRING_DIR:
    raise ImproperlyConfigured("KEYRING_DIR must not be set for a web process. Set it for workers only.")

# --- mail ---------------------------------------------------------------------------------------------
# smtp://user:password@host:587 (STARTTLS), smtps://host:465, smtp+plain://127.0.0.1:25 (no TLS: only on
# this machine). Unset with DEMO_MAIL_DIR set: mails go there and are shown at /inbox/.
MAIL_URL = env.str("MAIL_URL", "")
DEMO_MAIL_DIR: Path | None = Path(env.str("DEMO_MAIL_DIR")) if env.str("DEMO_MAIL_DIR", "") else None
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "petitions@example.org")
# The sender of mails for campaigns at risk: an address that says nothing of petitions or of you.
NEUTRAL_FROM_EMAIL = env.str("MAIL_FROM_NEUTRAL", "post@example.org")
# Who is told by mail when a campaign is under attack, comma-separated.
ALERTS_TO = env.list("ALERTS_TO", default=[])
# Where a mail server puts its notices of mails that reached nobody: a Maildir or a folder, read by workers.
BOUNCES_DIR: Path | None = Path(env.str("BOUNCES_DIR")) if env.str("BOUNCES_DIR", "") else None

# Hosts beside our own that the words of a mailing may name, with all below them, comma-separated; the same for the desk
# and for workers. A mail that names another is not sent (signatures/news_links.py).
NEWS_LINK_HOSTS = [*map(_as_asked_for, env.list("NEWS_LINK_HOSTS", default=[]))]
# Whom workers mail the audit trail's anchor to, once a day: a mailbox of the organisation that whoever runs the
# database cannot reach. `verify_audit --anchor` checks the trail against what that mail says.
AUDIT_ANCHOR_TO = env.str("AUDIT_ANCHOR_TO", "")
# Where workers note the trail's last entry, signing keys and packets once an hour: a folder that the database's host
# cannot write. `verify_audit` reads it.
ANCHORS_DIR = Path(env.str("ANCHORS_DIR", str(VAR_DIR / "anchors")))


def _mailers() -> dict[str, object]:
    if not MAIL_URL:
        if DEMO_MAIL_DIR is None:
            return {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
        return {"BACKEND": "config.local.inbox.MaildirBackend", "OPTIONS": {"directory": str(DEMO_MAIL_DIR)}}
    parts = addresses.service("MAIL_URL", MAIL_URL, dict.fromkeys(("smtp", "smtps", "smtp+plain"), "/?"))
    if parts.query:
        raise ImproperlyConfigured("MAIL_URL takes nothing after a question mark. Write ? in a password as %3F.")
    if parts.netloc and not parts.hostname:
        raise ImproperlyConfigured("MAIL_URL names no host.")
    if bool(parts.username) != bool(parts.password):
        raise ImproperlyConfigured("MAIL_URL has to have a user name and a password, or neither.")
    options: dict[str, object] = {
        "host": parts.hostname or "localhost",
        "port": parts.port or {"smtp": 587, "smtps": 465, "smtp+plain": 25}[parts.scheme],
        "use_tls": parts.scheme == "smtp",
        "use_ssl": parts.scheme == "smtps",
        "timeout": 10,
    }
    if parts.username:
        options |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}


MAILERS = {"default": _mailers()}
DEMO_INBOX = DEMO_MAIL_DIR is not None and not MAIL_URL

# --- countries --------------------------------------------------------------------------------------------
# ISO 3166-1 has no code for Kosovo. XK is of its users' range, and what CLDR, the European Union, SWIFT and the tables
# of networks write.
COUNTRIES_OVERRIDE = {"XK": {"name": "Kosovo", "alpha3": "XKX"}}

# --- limits ---------------------------------------------------------------------------------------------
# Signatures one network (IPv4 address, IPv6 /64) may send.
SIGN_RATE = env.str("SIGN_RATE", "30/m")
# The same for those that come with proof of work: a whole country may sit behind one carrier's address.
SIGN_RATE_WITH_WORK = env.str("SIGN_RATE_WITH_WORK", "600/m")
# Mailboxes one network may type at /my-signatures/.
MY_SIGNATURES_RATE = env.str("MY_SIGNATURES_RATE", "30/m")
# Password attempts one network may make at the desk's login.
LOGIN_RATE = env.str("LOGIN_RATE", "10/m")
# A file that says which network is in which country, in MaxMind's format (.mmdb: GeoLite2, DB-IP, IPinfo). Web
# reads it when it starts. Unset, no signature is marked as coming from another country than it names.
NETWORK_COUNTRIES = env.str("NETWORK_COUNTRIES", "")
# django-ratelimit 4.1 does not list Django's own RedisCache among the backends it trusts. It counts atomically on
# the server, which is all that the check is about.
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001"]
# HSTS_WHOLE_DOMAIN is for whoever runs the domain to decide.
SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]
if ROLE != "worker":
    SILENCED_SYSTEM_CHECKS.append("mail.E001")  # nobody else sends mail, or is told how
if not HAS_STAFF:
    # Without sessions there is nothing that a forged request could borrow; where a form came from, headers say
    # (web/senders.py), for a token would make each page another.
    SILENCED_SYSTEM_CHECKS.append("security.W003")

# Where workers keep another copy of the tombstones (who withdrew or was erased; register/tombstones.py), encrypted to
# RECOVERY_RECIPIENTS (age1…, comma-separated): a folder of another host, mounted here. Unset, there is no such copy.
TOMBSTONES_COPY_DIR = env.str("TOMBSTONES_COPY_DIR", "")
RECOVERY_RECIPIENTS = env.list("RECOVERY_RECIPIENTS", default=[])

# How many looks at signatures (by number, by address, pages of a review list) one officer has in 24 hours.
REVEALS_PER_DAY = env.int("REVEALS_PER_DAY", 60)

# Unconfirmed submissions are deleted after this many days; outcomes of the others after OUTCOME_DAYS.
PENDING_DAYS = env.int("PENDING_DAYS", 30)
OUTCOME_DAYS = 14
# Traces of how a signature came are deleted after this many.
TRACE_DAYS = 30

# --- storage: packets are written by workers, read by web for download ----------------------------------
# Pictures. Web writes and serves them at /media/; several web hosts share the directory, and a proxy may serve it.
MEDIA_DIR = env.str("MEDIA_DIR", str(VAR_DIR / "media"))
MEDIA_URL = "/media/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": MEDIA_DIR}},
    "packets": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # A directory that web may read and only workers write.
        "OPTIONS": {"location": env.str("PACKETS_DIR", str(VAR_DIR / "packets")), "base_url": None},
    },
    # Receipts and answers of authorities. No page of the site leads there but the admin's.
    "attachments": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.str("ATTACHMENTS_DIR", str(VAR_DIR / "attachments")), "base_url": None},
    },
    # Parts of packets that are being built, each encrypted. Only workers need it, and all of them the same one.
    "spool": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.str("SPOOL_DIR", str(VAR_DIR / "spool")), "base_url": None},
    },
    # Pictures with the count, for others to show: web reads them, workers draw them anew.
    "share": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env.str("SHARE_DIR", str(VAR_DIR / "share")),
            "base_url": None,
            "allow_overwrite": True,
        },
    },
    "staticfiles": {"BACKEND": "web.static_files.LightStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # for fonts on other hosts, and we have neither: a header less with every file
# No address of ours leads to a file by its plain name, and compressing it as well takes as long again.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- Django ---------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.UndersignedConfig",
    "web",
    "staff",
    "petitions",
    "signatures",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_countries",
]
if HAS_STAFF:
    INSTALLED_APPS += [
        "unfold.apps.BasicAppConfig",  # leaves the choice of the site to us
        "staff.admin_site.AdminConfig",
        "django.contrib.sessions",
        "django.contrib.messages",
        "allauth.account",
        "allauth.mfa",
        "allauth.usersessions",
    ]
_OUTER = [
    "web.middleware.HealthMiddleware",  # first: before the redirect to https, and before any look at the host
    "web.middleware.IdentityMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "web.middleware.PermissionsPolicyMiddleware",
    "web.middleware.LanguageMiddleware",
]
_INNER = ["django.middleware.clickjacking.XFrameOptionsMiddleware", "web.middleware.DatabaseAwayMiddleware"]
# No session, no login and no cookie: what comes in cannot be told from what anybody else sends.
PUBLIC_MIDDLEWARE = [
    *_OUTER,
    "django.middleware.common.CommonMiddleware",
    *_INNER,
    "web.middleware.ReadOnlyMiddleware",
]
DESK_MIDDLEWARE = [
    *_OUTER,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "staff.login.middleware.LoginMiddleware",
    *_INNER,
]
MIDDLEWARE = DESK_MIDDLEWARE if HAS_STAFF else PUBLIC_MIDDLEWARE
# What the public tier answers, and what the desk does.
URL_TABLES = ("config.public_urls", "config.desk_urls")
ROOT_URLCONF = URL_TABLES[HAS_STAFF]
# web/clean_address.py does it, and lets nobody keep the redirect: some addresses hold a token.
APPEND_SLASH = False
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "web.page_templates.Templates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "web.context.site",
                *(
                    (
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "staff.login.context.admin_site",
                    )
                    if HAS_STAFF
                    else ()
                ),
            ],
            "builtins": [f"web.templatetags.{name}" for name in ("cldr", "headings", "identities", "translated")],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# Names, order and review are in web/i18n/languages.py; the address alone decides (web/middleware.py).
LANGUAGE_CODE = DEFAULT
LANGUAGES = [(language.code, language.name) for language in OUR_LANGUAGES]
#: Dates in the admin.
FORMAT_MODULE_PATH = "web.i18n.formats"
LOCALE_PATHS = [BASE_DIR / "web" / "i18n" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# What the sign form can hold is 3 kB; nothing public takes more, and the admin little.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- the browser's rules --------------------------------------------------------------------------------
HTTPS = OWN_URL.startswith("https://")
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
# Where somebody came from is nobody else’s business: no site that we link to is told of us.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Demands https of every name below the site's too, and allows browsers' preload lists, for a year: only where
# each of those names speaks https. It cannot be taken back quickly, hence off unless asked for.
HSTS_WHOLE_DOMAIN = env.bool("HSTS_WHOLE_DOMAIN", False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and HSTS_WHOLE_DOMAIN
# The proxy that ends TLS says so in this header; believed only where there is such a proxy.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # counted from the login, however busy somebody is (staff/login/sessions.py)
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/admin/"  # the public pages never see a cookie
if HAS_STAFF:  # no public form has a token
    CSRF_FAILURE_VIEW = "staff.login.kept.csrf_failure"
# Django's default sets a cookie of its own, with Path=/.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_TRUSTED_ORIGINS = [OWN_URL]

# --- staff's login (staff/login/) ---------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["staff.login.backend.StaffBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
# Minutes without a click after which staff are logged out.
STAFF_IDLE = timedelta(minutes=env.int("STAFF_IDLE_MINUTES", 30))
# The second factor is asked for again after this time, before anything that shows or exports persons.
REAUTHENTICATE_AFTER = timedelta(minutes=10)
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of a one-time link (staff/login/links.py)
ACCOUNT_ADAPTER = "staff.login.adapters.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # nobody signs up; the login form takes its fields from here
ACCOUNT_FORMS = {"login": "staff.login.forms.PasswordForm"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser, too
# allauth counts by name as well as by network, so anybody could lock a colleague out: ours counts (LOGIN_RATE).
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False
MFA_ADAPTER = "staff.login.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "staff.login.forms.LoginCodeForm",
    "reauthenticate": "staff.login.forms.ReauthenticationCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey stands for both factors, so the device has to ask for its PIN, finger or face.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # http://localhost
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODE_DIGITS = 12  # 8 could be guessed by many networks together
MFA_TOTP_PERIOD = 30
MFA_TOTP_TOLERANCE = 1  # clocks differ by half a minute

# --- logs: no personal data, no token -------------------------------------------------------------------
# "line" for people, "json" for a collector of logs.
LOG_FORMAT = env.str("LOG_FORMAT", "line")
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured("LOG_FORMAT must be line or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"discreet": {"()": "web.redaction.DiscreetFilter"}},
    "formatters": {
        "line": {
            "()": "web.redaction.DiscreetFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "web.redaction.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["discreet"], "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    # Django's own handlers mail tracebacks to ADMINS and colour the console; ours is enough.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "propagate": True},
    },
}
# Tracebacks in logs come without local variables and the reporter is never used (no ADMINS); were one
# configured, it would still hide every POST parameter.
DEFAULT_EXCEPTION_REPORTER_FILTER = "web.redaction.HideEverything"

UNFOLD = {
    "SITE_TITLE": "web.identities.desk_name",
    "SITE_HEADER": "web.identities.desk_name",
    "SITE_URL": SITE_URL,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
    "STYLES": [lambda request: static("css/admin.css"), lambda request: static("css/desk.css")],
    "SCRIPTS": [lambda request: static("js/desk/a11y.js"), lambda request: static("js/desk/session.js")],
    "SHOW_HISTORY": False,
    "DASHBOARD_CALLBACK": "signatures.admin.home.with_desk",
    "ACCOUNT": {
        "navigation": [
            {"title": gettext_lazy("Second factor"), "link": reverse_lazy("mfa_index")},
            {"title": gettext_lazy("Active sessions"), "link": reverse_lazy("usersessions_list")},
            {"title": gettext_lazy("Change password"), "link": reverse_lazy("account_change_password")},
        ]
    },
    "SHOW_VIEW_ON_SITE": True,
    "BORDER_RADIUS": "4px",
    "COLORS": {
        # Warm greys, as of the public pages, instead of unfold's bluish ones.
        "base": {
            "50": "#fafaf9", "100": "#f4f3f1", "200": "#e5e2de", "300": "#d4d0cb", "400": "#a8a29b", "500": "#6f6963",
            "600": "#595550", "700": "#44403b", "800": "#322f2c", "900": "#1c1a19", "950": "#131211",
        },
        "primary": {
            "50": "#fdf3f2", "100": "#fbe3e1", "200": "#f6c4bf", "300": "#ee9a93", "400": "#e2685f", "500": "#d13f34",
            "600": "#b3261e", "700": "#951d17", "800": "#7a1a16", "900": "#651a17", "950": "#370a08",
        },
    },
}  # fmt: skip
