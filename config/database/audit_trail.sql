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

-- One after another: without the lock, two entries at once would both follow the same one. It is held until the
-- transaction ends. SECURITY DEFINER: whoever may add an entry need not be able to read the last one. What the caller
-- says of number, time, writer and hash counts for nothing.
CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before record;
BEGIN
    PERFORM pg_advisory_xact_lock(x'617564'::int, 0);
    SELECT seq, hash INTO before FROM staff_auditentry ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(before.seq, 0) + 1;
    NEW.previous := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    NEW.at := clock_timestamp();
    NEW.tier := coalesce(nullif(current_setting('role'), 'none'), session_user);
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER audit_chain BEFORE INSERT ON staff_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_chain();

-- Web and worker have no right to change or delete an entry; this stops a mistake of the owner. An owner who means to
-- can drop the trigger, and then the chain tells.
CREATE OR REPLACE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is added to, and never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_is_final';
END $$;

CREATE OR REPLACE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON staff_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_is_final();
