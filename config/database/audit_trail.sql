-- The audit trail: the database numbers, dates and chains its entries, and nobody changes one. Each entry's hash covers
-- the one before it, so an entry that is removed or altered breaks the chain, and the anchors that were mailed tell
-- where.

-- The fields as text, framed by their lengths. register/audit.py recomputes this; a test ties the two.
CREATE OR REPLACE FUNCTION audit_hash(entry staff_auditentry) RETURNS bytea LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
SELECT sha256(entry.previous || string_agg(
           CASE WHEN field IS NULL THEN '-'::bytea
                ELSE convert_to(octet_length(convert_to(field, 'UTF8')) || ':' || field, 'UTF8') END,
           ','::bytea ORDER BY n))
  FROM unnest(ARRAY[
           entry.seq::text, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.tier,
           entry.actor_id::text, entry.action, entry.section_id::text, entry.purpose, entry.detail::text
       ]) WITH ORDINALITY AS fields (field, n)
$$;

-- Who acts: the role that connected; where it took on another one (only a member of that can), both. No role chooses it.
CREATE OR REPLACE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
SELECT CASE WHEN current_setting('role') IN ('none', session_user) THEN session_user::text
            ELSE left(session_user || ' as ' || current_setting('role'), 63) END
$$;

-- The only way into the trail: no role may INSERT. Number, time, writer and hash are the database's. Entries come one
-- after another: without the lock, two at once would both follow the same one. It is a lock on the table, because an
-- advisory lock can be taken by whoever is connected, and a role that may only read this table can take no lock that is
-- in our way. It is held until the transaction ends, so write the entry last; whoever waits for longer than the limit is
-- refused, and does not hang.
CREATE OR REPLACE FUNCTION audit_append(who integer, what text, whose bigint, why text, of_what jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    before record;
    entry staff_auditentry;
BEGIN
    LOCK TABLE staff_auditentry IN SHARE ROW EXCLUSIVE MODE;
    SELECT seq, hash INTO before FROM staff_auditentry ORDER BY seq DESC LIMIT 1;
    entry.seq := coalesce(before.seq, 0) + 1;
    entry.at := clock_timestamp();
    entry.tier := acting_role();
    entry.actor_id := who;
    entry.action := what;
    entry.section_id := whose;
    entry.purpose := why;
    entry.detail := of_what;
    entry.previous := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    entry.hash := audit_hash(entry);
    INSERT INTO staff_auditentry VALUES (entry.*);
    RETURN entry.seq;
END $$;
REVOKE EXECUTE ON FUNCTION audit_append(integer, text, bigint, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(integer, text, bigint, text, jsonb) TO :"desk", :"worker";

-- Web and worker have no right to change or delete an entry; this stops a mistake of the owner. An owner who means to
-- can drop the trigger, and then the chain tells.
CREATE OR REPLACE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is added to, and never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_is_final';
END $$;

CREATE OR REPLACE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON staff_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_is_final();
