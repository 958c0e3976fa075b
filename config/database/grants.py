"""Who may do what in the database: the whole rights of the public, desk and worker roles, table by table.

Applied by difference after every `migrate` (apply.py). A table that is not listed gives nobody anything, and
tests/config/test_grants.py names it. Which rows, says row_security.sql.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

ALL: Final = "SELECT, INSERT, UPDATE, DELETE"
READ: Final = "SELECT"
#: Functions that not everybody may call, in the words of `regprocedure`, and who may, as names of settings; each says
#: so itself as well (audit_trail.sql, drafts.sql).
CALLABLE: Final = {
    "audit_append(integer,text,bigint,text,jsonb)": ("DESK_ROLE", "WORKER_ROLE"),
    "delete_draft(bigint)": ("DESK_ROLE",),
}

#: What campaigners write, and what Django keeps for logins.
_CONTENT: Final = (
    "petitions_addressee", "petitions_campaign", "petitions_demand", "petitions_demandstep", "petitions_update",
    "petitions_dossier", "petitions_dossier_campaigns", "petitions_coverage", "web_section", "petitions_picture",
    "web_maintenance", "web_identity", "web_standingpage",
)  # fmt: skip
_STAFF: Final = (
    "auth_user", "auth_group", "auth_permission", "auth_user_groups", "auth_user_user_permissions",
    "auth_group_permissions", "django_session", "django_content_type",
    "account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "usersessions_usersession",
)  # fmt: skip

#: What staff ask for and decide, and how it is answered.
_STAFFS_WORK: Final = (
    "staff_membership", "staff_proposal", "staff_auditentry", "staff_auditanchor", "signatures_announcement",
    "signatures_deliverypart", "signatures_letterpreview", "signatures_deskkey", "signatures_recipient",
    "signatures_addresseekey", "signatures_packetcopy", "petitions_letterhead",
    "signatures_reveal", "signatures_mailing", "signatures_ruling", "signatures_monitor", "signatures_mailtrouble",
    "signatures_case", "signatures_caseact", "signatures_destruction",
    "signatures_shreddingproof", "signatures_shreddingnotice", "signatures_shreddingstop",
)  # fmt: skip
#: What supporters send.
_TAKEN: Final = (
    "signatures_submission", "signatures_sealingkey", "signatures_withdrawal", "signatures_unsubscription",
    "signatures_requestkey", "signatures_mailboxrequest", "signatures_mailboxpage", "signatures_mailboxwish",
    "signatures_rejection",
)  # fmt: skip
#: What is the workers' alone.
_REGISTER: Final = (
    "signatures_signature", "signatures_tally", "signatures_mailcount", "signatures_newsmail", "signatures_trace",
    "signatures_labelcount", "signatures_newsreader", "signatures_rulingitem", "signatures_suppression",
    "signatures_noticecount", "signatures_leftalone", "signatures_rejectioncount", "signatures_heartbeat",
    "signatures_mailanswer",
)  # fmt: skip

#: Django's own log of its admin: it could be altered and deleted. What was done is in the audit trail, once.
_NOBODYS: Final = ("django_admin_log",)

#: table → rights. The public tier reads what is published, takes what supporters send, and reads of that only the row
#: that its token names (row_security.sql). It knows nobody who works here.
PUBLIC: Final[dict[str, str]] = {
    **dict.fromkeys(_CONTENT, READ),
    **dict.fromkeys((*_STAFF, *_STAFFS_WORK, *_REGISTER, *_NOBODYS), ""),
    "django_migrations": READ,
    "petitions_claimsnapshot": READ,
    "petitions_textversion": READ,
    "petitions_correction": "",
    "petitions_takedown": "",
    "signatures_campaignkey": READ,
    # What row security asks of a submission's key; the key itself is sealed, and of no use here.
    "signatures_sealingkey": "INSERT (id, campaign_id, wrapped), SELECT (id, campaign_id, created_at)",
    "signatures_submission": "INSERT (token_hash, campaign_id, sealing_key_id, sealed),"
    " SELECT (token_hash, campaign_id, confirmed_at, withdrawn),"
    " UPDATE (confirmed_at, sealed_consents, consents_key_id)",
    "signatures_withdrawal": "INSERT (token_hash), SELECT (token_hash, outcome)",
    "signatures_unsubscription": "INSERT (token_hash)",
    "signatures_rejection": "INSERT (token_hash), SELECT (token_hash)",
    # /my-signatures/: what is asked goes in sealed; what is shown comes out sealed, where a link names it.
    "signatures_requestkey": READ,
    "signatures_mailboxrequest": "INSERT (sealed)",
    "signatures_mailboxpage": "SELECT (token_hash, sealed, created_at)",
    "signatures_mailboxwish": "INSERT (page_hash, sealed), SELECT (page_hash, done_at)",
    # The exact total, unless signers are at risk (row_security.sql), and nothing of what came last.
    "signatures_register": "SELECT (campaign_id, counted)",
    "signatures_tallysum": "",
    "signatures_publishedfigures": READ,
    "signatures_ledgerentry": "",
    # Of the manifest, only the total is shown; PostgreSQL has no right for a part of a column.
    "signatures_delivery": "SELECT (id, campaign_id, addressee_id, profile, state, series, first_number, last_number,"
    " built_at, archive, manifest)",
    "signatures_handover": 'SELECT (id, delivery_id, kind, "on", place, reference, statement, is_public, corrects_id)',
    "signatures_shredding": READ,
    "signatures_signingkey": READ,
    "signatures_signingrules": READ,
    "signatures_networkrule": READ,
}

#: The desk writes what is published, and asks for what workers do. It neither takes nor confirms a signature, and reads
#: none.
DESK: Final[dict[str, str]] = {
    **dict.fromkeys((*_CONTENT, *_STAFF, "staff_membership"), ALL),
    **dict.fromkeys((*_TAKEN, *_REGISTER, *_NOBODYS), ""),
    "django_migrations": READ,
    # What was said stays said: no role changes or deletes a snapshot.
    "petitions_claimsnapshot": "SELECT, INSERT",
    # What was signed: only the database makes a version, and carries a correction out (text_versions.sql).
    "petitions_textversion": READ,
    "petitions_correction": "SELECT, INSERT",
    "petitions_takedown": "SELECT, INSERT, UPDATE (confirmed_by_id, ended_at)",
    "signatures_campaignkey": READ,
    "signatures_register": READ,
    "signatures_tally": READ,
    "signatures_tallysum": READ,
    "signatures_publishedfigures": READ,
    "signatures_ledgerentry": READ,
    "signatures_delivery": "SELECT, INSERT, UPDATE (state, problem, letter, proposal_id)",
    "staff_proposal": "SELECT, INSERT, UPDATE (state, decided_by_id, decided_at, answer)",
    "staff_auditentry": READ,
    "staff_auditanchor": READ,
    "signatures_handover": "SELECT, INSERT",
    "signatures_announcement": "SELECT, INSERT",
    "signatures_letterpreview": READ,
    # How far a packet is; not of whom its parts tell.
    "signatures_deliverypart": "SELECT (id, delivery_id, kind, position, seconds)",
    "signatures_shredding": READ,
    "signatures_shreddingproof": "SELECT, INSERT, UPDATE (challenge, proof, problem)",
    "signatures_shreddingnotice": READ,
    "signatures_shreddingstop": "SELECT, INSERT",
    "signatures_signingkey": READ,
    "signatures_signingrules": ALL,
    "signatures_networkrule": ALL,
    "signatures_deskkey": READ,
    "signatures_recipient": "SELECT, INSERT, UPDATE (state, approver_id, challenge, problem, proof, revoked_at)",
    "signatures_addresseekey": "SELECT, INSERT, UPDATE (state, approver_id, challenge, problem, proof, revoked_at)",
    "signatures_packetcopy": READ,
    "petitions_letterhead": ALL,
    "signatures_reveal": "SELECT, INSERT, UPDATE (state, answer)",
    "signatures_case": "SELECT, INSERT, UPDATE",
    "signatures_caseact": "SELECT, INSERT",
    "signatures_destruction": READ,
    "signatures_mailing": "SELECT, INSERT, UPDATE (asked_at, test_for_id, begun_by_id)",
    "signatures_ruling": "SELECT, INSERT, UPDATE (state, confirmed_by_id)",
    "signatures_monitor": READ,
    "signatures_mailtrouble": READ,
    "signatures_mailanswer": READ,
}

#: The worker reads what it is to do and writes the register; content and logins are not its business.
WORKER: Final[dict[str, str]] = {
    **dict.fromkeys((*_CONTENT, "staff_membership"), READ),
    **dict.fromkeys((*_STAFF, *_NOBODYS), ""),
    # The address: officers are told before keys are destroyed.
    "auth_user": "SELECT (id, username, is_active, email)",
    # Closed when the time has come, or its keys were destroyed by hand.
    "petitions_campaign": "SELECT, UPDATE (state, closes_at, paused_at, paused_with_site)",
    "petitions_claimsnapshot": READ,
    "petitions_textversion": READ,
    "petitions_correction": "",
    # Ended when its time is over.
    "petitions_takedown": "SELECT, UPDATE (ended_at)",
    "django_migrations": READ,
    "signatures_campaignkey": "SELECT, INSERT",
    "signatures_sealingkey": "SELECT, INSERT, DELETE",
    "signatures_submission": ALL,
    "signatures_withdrawal": "SELECT, INSERT (token_hash), UPDATE, DELETE",
    "signatures_rejection": "SELECT, UPDATE, DELETE",
    "signatures_leftalone": "SELECT, INSERT, DELETE",
    "signatures_rejectioncount": "SELECT, INSERT, UPDATE, DELETE",
    "signatures_requestkey": "SELECT, INSERT",
    "signatures_mailboxrequest": "SELECT, UPDATE, DELETE",
    "signatures_mailboxpage": ALL,
    "signatures_mailboxwish": "SELECT, UPDATE, DELETE",
    "signatures_register": "SELECT, INSERT, UPDATE",
    "signatures_signature": "SELECT, INSERT, UPDATE",
    "signatures_tally": ALL,
    "signatures_tallysum": ALL,
    "signatures_publishedfigures": "SELECT, INSERT",
    "signatures_ledgerentry": "SELECT, INSERT, UPDATE",
    "signatures_delivery": "SELECT, UPDATE",
    "staff_proposal": "SELECT, UPDATE (state, decided_at, done_at, problem)",
    "staff_auditentry": READ,
    "signatures_shredding": "SELECT, INSERT (campaign_id, at, by_hand)",
    "signatures_shreddingproof": "SELECT, UPDATE",
    "signatures_shreddingnotice": "SELECT, INSERT, UPDATE",
    "signatures_shreddingstop": "SELECT, INSERT",
    "staff_auditanchor": "SELECT, INSERT (seq, hash), UPDATE (mailed_at)",
    "signatures_handover": READ,
    "signatures_announcement": READ,
    "signatures_deliverypart": ALL,
    "signatures_letterpreview": ALL,
    "signatures_signingkey": "SELECT, INSERT",
    "signatures_signingrules": "SELECT, INSERT, UPDATE (work_until)",
    "signatures_networkrule": "",
    "signatures_mailcount": ALL,
    "signatures_mailtrouble": ALL,
    "signatures_mailanswer": ALL,
    "signatures_heartbeat": "SELECT, INSERT, UPDATE",
    "signatures_suppression": ALL,
    "signatures_noticecount": ALL,
    "signatures_deskkey": "SELECT, INSERT, UPDATE",
    "signatures_recipient": "SELECT, INSERT, UPDATE",
    # Recipients it also pins by hand; these never.
    "signatures_addresseekey": "SELECT, UPDATE",
    "signatures_packetcopy": "SELECT, INSERT",
    "petitions_letterhead": READ,
    "signatures_reveal": "SELECT, UPDATE, DELETE",
    "signatures_case": READ,
    "signatures_caseact": "SELECT, UPDATE (outcome, done_at)",
    "signatures_destruction": "SELECT, INSERT, UPDATE (n)",
    # Not that it may begin.
    "signatures_mailing": "SELECT, UPDATE (listed_to, listed_at, recipients, problem, tested_at, sent, given_up,"
    " done_at)",
    "signatures_newsmail": ALL,
    "signatures_newsreader": "SELECT, INSERT, DELETE",
    "signatures_unsubscription": "SELECT, INSERT, DELETE",
    "signatures_trace": ALL,
    "signatures_labelcount": ALL,
    "signatures_ruling": "SELECT, UPDATE (state, would_touch, touched, reached)",
    "signatures_rulingitem": ALL,
    "signatures_monitor": ALL,
}

# What each role has been given, and on what; the tables of a role include what it has on columns. An owner's own rights
# are none of this.
_GIVEN: Final = """
SELECT 'TABLE ' || relname, privilege_type, '', is_grantable FROM pg_class, aclexplode(relacl)
 WHERE relnamespace = 'public'::regnamespace AND relkind <> 'S' AND grantee = %(role)s::regrole
UNION ALL
SELECT 'TABLE ' || relname, privilege_type, attname, is_grantable
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl)
 WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped AND grantee = %(role)s::regrole
UNION ALL
SELECT 'SEQUENCE ' || relname, privilege_type, '', is_grantable FROM pg_class, aclexplode(relacl)
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND grantee = %(role)s::regrole
UNION ALL
SELECT 'FUNCTION ' || p.oid::regprocedure, privilege_type, '', is_grantable FROM pg_proc p, aclexplode(proacl)
 WHERE pronamespace = 'public'::regnamespace AND grantee = %(role)s::regrole
UNION ALL
SELECT 'SCHEMA public', privilege_type, '', is_grantable FROM pg_namespace, aclexplode(nspacl)
 WHERE nspname = 'public' AND grantee = %(role)s::regrole
"""

#: (privilege, column or "" for all, whether it may be passed on), of one table or other object.
Rights = set[tuple[str, str, bool]]


def _rights() -> tuple[tuple[str, dict[str, str]], ...]:
    return (settings.PUBLIC_ROLE, PUBLIC), (settings.DESK_ROLE, DESK), (settings.WORKER_ROLE, WORKER)


def apply_grants(cursor: Any) -> list[str]:
    """Give each role exactly its rights; returns what had others. Needs a transaction of the owner's.

    Locks no table. Raises `CommandError` when there is no such role.
    """
    _require_roles(cursor)
    differing = []
    for role, tables in _rights():
        wanted, given = _wanted(role, tables) | _callable(cursor, role), _given(cursor, role)
        for target in sorted(wanted.keys() | given.keys()):
            if parsed_rights(wanted.get(target, "")) != given.get(target, set()):
                _give(cursor, role, target, wanted.get(target, ""))
                differing.append(target)
    return differing


def _wanted(role: str, tables: dict[str, str]) -> dict[str, str]:
    wanted = {f"TABLE {table}": rights for table, rights in tables.items()} | {"SCHEMA public": "USAGE"}
    if role == settings.WORKER_ROLE:
        # Admission takes keys ahead (register/admission.py); other tables' are given by their columns.
        wanted["SEQUENCE signatures_signature_id_seq"] = "USAGE"
    return wanted


def _callable(cursor: Any, role: str) -> dict[str, str]:
    """What the role may call of what not everybody may. A function that is still to be made says so when it is."""
    own = [name for name, roles in CALLABLE.items() if role in (getattr(settings, each) for each in roles)]
    cursor.execute("SELECT name FROM unnest(%s::text[]) name WHERE to_regprocedure(name) IS NOT NULL", [own])
    return {f"FUNCTION {name}": "EXECUTE" for (name,) in cursor.fetchall()}


def _given(cursor: Any, role: str) -> dict[str, Rights]:
    cursor.execute(_GIVEN, {"role": connection.ops.quote_name(role)})
    given: dict[str, Rights] = {}
    for target, *right in cursor.fetchall():
        given.setdefault(target, set()).add(tuple(right))
    return given


def parsed_rights(rights: str) -> Rights:
    """`SELECT (id, at), DELETE` as a set."""
    return {
        (privilege, column.strip().strip('"'), False)
        for privilege, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", rights)
        for column in columns.split(",")
    }


def _give(cursor: Any, role: str, target: str, rights: str) -> None:
    """Anew, because to take a right on a table also takes it on the columns. Nobody sees the moment between."""
    name = connection.ops.quote_name(role)
    cursor.execute(f"REVOKE ALL ON {target} FROM {name}")
    if rights:
        cursor.execute(f"GRANT {rights} ON {target} TO {name}")


def _require_roles(cursor: Any) -> None:
    roles = [role for role, _tables in _rights()]
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [roles])
    there = {name for (name,) in cursor.fetchall()}
    for role in roles:
        if role not in there:
            raise CommandError(
                f'The database has no role {role}. As database administrator, run: CREATE ROLE "{role}" LOGIN;'
            )
