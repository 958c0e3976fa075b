-- The handover log: an entry is about a packet that is there, and on a day on which it was. Nobody changes an entry
-- (grants.py); what was wrong is corrected by another one.

-- Whether an entry counts: no other corrects it, and it tells that something happened. With the owner's rights, for who
-- may not see the correction must not be shown what it corrects. The same rule: Handover.objects.standing().
CREATE OR REPLACE FUNCTION handover_stands(entry bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT kind <> 'void' AND NOT EXISTS (SELECT FROM signatures_handover later WHERE later.corrects_id = told.id)
      FROM signatures_handover told WHERE told.id = entry
$$;

-- The packet's row is held: one that is just being discarded gets no entry, and one that gets an entry stays. The owner
-- may write a log down afterwards (decision 28).
CREATE OR REPLACE FUNCTION handover_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    packet signatures_delivery;
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user THEN
        RETURN NEW;
    END IF;
    SELECT * INTO packet FROM signatures_delivery WHERE id = NEW.delivery_id AND state = 'ready' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no packet of that delivery'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'handover_of_a_packet';
    END IF;
    IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM signatures_handover WHERE id = NEW.corrects_id AND delivery_id = NEW.delivery_id) THEN
        RAISE EXCEPTION 'a correction is about the same packet'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'handover_corrects_its_own';
    END IF;
    IF NEW."on" NOT BETWEEN (packet.built_at AT TIME ZONE 'UTC')::date AND (now() AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'on that day there was no such packet'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'handover_after_packet';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER handover_guard BEFORE INSERT ON signatures_handover
    FOR EACH ROW EXECUTE FUNCTION handover_guard();
