"""Who may do what in the database: the whole rights of the web and worker roles, table by table.

Applied by the owner after every `migrate`, all or nothing. A table that is not listed gives nobody
anything, and tests/config/database/test_grants.py names it.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections, transaction

ALL: Final = "SELECT, INSERT, UPDATE, DELETE"
READ: Final = "SELECT"
#: What web and worker say of an entry; its number, time, writer and hash are the database's (migrations/0007).
AUDIT: Final = "INSERT (actor_id, action, section_id, purpose, detail)"

#: What campaigners write, and what Django keeps for logins.
_CONTENT: Final = (
    "petitions_addressee", "petitions_campaign", "petitions_demand", "petitions_demandstep", "petitions_update",
    "petitions_dossier", "petitions_dossier_campaigns", "petitions_coverage", "web_section",
    "staff_membership", "petitions_picture", "web_maintenance",
)  # fmt: skip
_STAFF: Final = (
    "auth_user", "auth_group", "auth_permission", "auth_user_groups", "auth_user_user_permissions",
    "auth_group_permissions", "django_session", "django_admin_log", "django_content_type",
    "account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "usersessions_usersession",
)  # fmt: skip

#: table → rights. Web never reads `sealed`, a fingerprint, or a signature.
WEB: Final[dict[str, str]] = {
    **dict.fromkeys(_CONTENT, ALL),
    **dict.fromkeys(_STAFF, ALL),
    "django_migrations": READ,
    # What was said stays said: no role changes or deletes a snapshot.
    "petitions_claimsnapshot": "SELECT, INSERT",
    "signatures_campaignkey": READ,
    # What row security asks of a submission's key; the key itself is sealed, and of no use to web.
    "signatures_sealingkey": "INSERT (id, campaign_id, wrapped), SELECT (id, campaign_id, created_at)",
    "signatures_submission": "INSERT (token_hash, campaign_id, sealing_key_id, sealed),"
    " SELECT (token_hash, campaign_id, confirmed_at, number), UPDATE (confirmed_at)",
    "signatures_withdrawal": "INSERT (token_hash), SELECT (token_hash, outcome)",
    "signatures_register": READ,
    "signatures_tally": READ,
    "signatures_tallysum": READ,
    "signatures_publishedfigures": READ,
    "signatures_ledgerentry": READ,
    "signatures_delivery": "SELECT, INSERT, UPDATE (state, problem)",
    "staff_proposal": "SELECT, INSERT, UPDATE (state, decided_by_id, decided_at, answer)",
    "staff_auditentry": f"SELECT, {AUDIT}",
    "staff_auditanchor": READ,
    "signatures_handover": "SELECT, INSERT",
    "signatures_announcement": "SELECT, INSERT",
    # How far a packet is; not of whom its parts tell.
    "signatures_deliverypart": "SELECT (id, delivery_id, kind, position, seconds)",
    "signatures_shredding": READ,
    "signatures_signingkey": READ,
    "signatures_signature": "",
    "signatures_signingrules": ALL,
    "signatures_networkrule": ALL,
    "signatures_mailcount": "",
    "signatures_deskkey": READ,
    "signatures_recipient": "SELECT, INSERT, UPDATE (state, approver_id, challenge, problem, proof, revoked_at)",
    "signatures_reveal": "SELECT, INSERT, UPDATE (state, answer)",
    "signatures_mailing": "SELECT, INSERT",
    "signatures_newsmail": "",
    "signatures_unsubscription": "INSERT (token_hash)",
    "signatures_trace": "",
    "signatures_labelcount": "",
    "signatures_ruling": "SELECT, INSERT, UPDATE (state)",
    "signatures_rulingitem": "",
    "signatures_monitor": READ,
}

#: The worker reads what it is to do and writes the register; content and logins are not its business.
WORKER: Final[dict[str, str]] = {
    **dict.fromkeys(_CONTENT, READ),
    **dict.fromkeys(_STAFF, ""),
    "auth_user": "SELECT (id, username, is_active)",
    # Closed when the time has come.
    "petitions_campaign": "SELECT, UPDATE (state)",
    "petitions_claimsnapshot": READ,
    "django_migrations": READ,
    "signatures_campaignkey": "SELECT, INSERT",
    "signatures_sealingkey": "SELECT, INSERT, DELETE",
    "signatures_submission": ALL,
    "signatures_withdrawal": "SELECT, UPDATE, DELETE",
    "signatures_register": "SELECT, INSERT, UPDATE",
    "signatures_signature": "SELECT, INSERT, UPDATE",
    "signatures_tally": ALL,
    "signatures_tallysum": ALL,
    "signatures_publishedfigures": "SELECT, INSERT",
    "signatures_ledgerentry": "SELECT, INSERT, UPDATE",
    "signatures_delivery": "SELECT, UPDATE",
    "staff_proposal": "SELECT, UPDATE (state, decided_at, done_at, problem)",
    "staff_auditentry": f"SELECT, {AUDIT}",
    "signatures_shredding": "SELECT, INSERT (campaign_id, at)",
    "staff_auditanchor": "SELECT, INSERT (seq, hash), UPDATE (mailed_at)",
    "signatures_handover": READ,
    "signatures_announcement": READ,
    "signatures_deliverypart": ALL,
    "signatures_signingkey": "SELECT, INSERT",
    "signatures_signingrules": "SELECT, INSERT, UPDATE (work_until)",
    "signatures_networkrule": "",
    "signatures_mailcount": ALL,
    "signatures_deskkey": "SELECT, INSERT, UPDATE",
    "signatures_recipient": "SELECT, INSERT, UPDATE",
    "signatures_reveal": "SELECT, UPDATE, DELETE",
    "signatures_mailing": "SELECT, UPDATE",
    "signatures_newsmail": ALL,
    "signatures_unsubscription": "SELECT, DELETE",
    "signatures_trace": ALL,
    "signatures_labelcount": ALL,
    "signatures_ruling": "SELECT, UPDATE (state, would_touch, touched, reached)",
    "signatures_rulingitem": ALL,
    "signatures_monitor": ALL,
}

#: The row that the token names, and no other: web says which token it was shown, and cannot list any.
NAMED_ROW: Final = "token_hash = decode(current_setting('undersigned.token_hash', true), 'hex')"

#: A submission comes under a session key of its campaign that is not ten minutes old; web uses one for five. The
#: database's clock decides, so a key that pruning may delete (an hour old, nothing under it) takes nothing any more.
SESSION_KEY_IN_USE: Final = """
EXISTS (SELECT FROM signatures_sealingkey k WHERE k.id = sealing_key_id
           AND k.campaign_id = signatures_submission.campaign_id AND k.created_at > now() - interval '10 minutes')
"""

#: (table, role, command, USING, WITH CHECK): which rows. A table with row security shows none by default.
POLICIES: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("signatures_submission", "web", "INSERT", "", SESSION_KEY_IN_USE),
    ("signatures_submission", "web", "SELECT", NAMED_ROW, ""),
    ("signatures_submission", "web", "UPDATE", NAMED_ROW, NAMED_ROW),
    ("signatures_submission", "worker", "ALL", "true", "true"),
    ("signatures_withdrawal", "web", "INSERT", "", "true"),
    ("signatures_withdrawal", "web", "SELECT", NAMED_ROW, ""),
    ("signatures_withdrawal", "worker", "ALL", "true", "true"),
    # Web asks for rulings, and says yes, stop or back; what they do, only a worker does.
    ("signatures_ruling", "web", "SELECT", "true", ""),
    ("signatures_ruling", "web", "INSERT", "", "state = 'asked' AND would_touch IS NULL AND touched = 0"),
    (
        "signatures_ruling", "web", "UPDATE",
        "state IN ('asked', 'ready', 'running', 'done', 'cancelled')", "state IN ('running', 'cancelled', 'undoing')",
    ),
    ("signatures_ruling", "worker", "ALL", "true", "true"),
    # Web asks for deliveries, and says yes or no to them; only a worker makes one ready.
    ("signatures_delivery", "web", "SELECT", "true", ""),
    (
        "signatures_delivery", "web", "INSERT", "",
        "state = 'requested' AND manifest IS NULL AND archive = ''",
    ),
    (
        "signatures_delivery", "web", "UPDATE",
        "state IN ('requested', 'failed')", "state IN ('approved', 'withdrawn') AND archive = ''",
    ),
    ("signatures_delivery", "worker", "ALL", "true", "true"),
    # Both add to the trail and read it. Nobody has a policy for more, nor a right to it.
    ("staff_auditentry", "web", "SELECT", "true", ""),
    ("staff_auditentry", "web", "INSERT", "", "true"),
    ("staff_auditentry", "worker", "SELECT", "true", ""),
    ("staff_auditentry", "worker", "INSERT", "", "true"),
    # Web asks and decides; a worker says what expired, and what it has carried out. The worker approves nothing:
    # it may not write who decided, and proposal_decided_by_somebody wants to know.
    ("staff_proposal", "web", "SELECT", "true", ""),
    ("staff_proposal", "web", "INSERT", "", "state = 'waiting' AND decided_by_id IS NULL AND done_at IS NULL"),
    ("staff_proposal", "web", "UPDATE", "state = 'waiting'", "state IN ('approved', 'refused', 'withdrawn')"),
    ("staff_proposal", "worker", "SELECT", "true", ""),
    ("staff_proposal", "worker", "UPDATE", "state IN ('waiting', 'approved')", "state IN ('approved', 'expired')"),
    # Web registers keys and takes them out of use; only a worker brings one into use.
    ("signatures_recipient", "web", "SELECT", "true", ""),
    ("signatures_recipient", "web", "INSERT", "", "state = 'waiting' AND NOT by_hand AND approver_id IS NULL"),
    (
        "signatures_recipient", "web", "UPDATE",
        "state IN ('waiting', 'pinned')", "state = 'waiting' AND challenge IS NULL OR state = 'revoked'",
    ),
    ("signatures_recipient", "worker", "ALL", "true", "true"),
    # Web asks, and may close what was answered; only a worker answers.
    ("signatures_reveal", "web", "SELECT", "true", ""),
    ("signatures_reveal", "web", "INSERT", "", "state = 'asked' AND asked_at = statement_timestamp()"),
    ("signatures_reveal", "web", "UPDATE", "state = 'answered'", "state = 'closed' AND answer IS NULL"),
    ("signatures_reveal", "worker", "ALL", "true", "true"),
)  # fmt: skip


def grant(using: str = "default") -> None:
    """Give each role exactly its rights. Needs the owner's connection; idempotent."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        present = set(connections[using].introspection.table_names(cursor))
        _require_roles(cursor)
        for role, rights in ((settings.WEB_ROLE, WEB), (settings.WORKER_ROLE, WORKER)):
            name = connections[using].ops.quote_name(role)
            cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
            cursor.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name}")
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
            if role == settings.WORKER_ROLE and "signatures_signature" in present:
                # Admission takes keys ahead (register/admission.py); other tables' are given by their columns.
                cursor.execute(f"GRANT USAGE ON SEQUENCE signatures_signature_id_seq TO {name}")
            for table, right in rights.items():
                if table in present and right:
                    cursor.execute(f"GRANT {right} ON {table} TO {name}")
        _apply_policies(cursor, present)


def _require_roles(cursor: Any) -> None:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)", [settings.WEB_ROLE, settings.WORKER_ROLE])
    there = {name for (name,) in cursor.fetchall()}
    for role in (settings.WEB_ROLE, settings.WORKER_ROLE):
        if role not in there:
            raise CommandError(
                f'The database has no role {role}. As database administrator, run: CREATE ROLE "{role}" LOGIN;'
            )


def _apply_policies(cursor: Any, present: set[str]) -> None:
    roles = {"web": settings.WEB_ROLE, "worker": settings.WORKER_ROLE}
    for table, role, command, using, check in POLICIES:
        if table not in present:
            continue
        policy = f"{role}_{command.lower()}"
        cursor.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
        cursor.execute(f'CREATE POLICY {policy} ON {table} FOR {command} TO "{roles[role]}"{clauses}')


def grant_after_migrate(app_config: AppConfig, using: str, **kwargs: Any) -> None:
    """Once a run: Django calls this for each app, when the tables of all are there."""
    if app_config.label == "signatures":
        grant(using)
