-- What takes signatures out of the count acts at once, by one person, and stands for 72 hours: then a worker undoes it,
-- unless a second person has confirmed it. More than twenty exclusions a day by one person wait for the second one
-- before they begin. See two_people.sql for who acts; the owner passes.

-- The time is the database's. A moderator's rulings are added up one after another: their login's row is locked first.
CREATE OR REPLACE FUNCTION ruling_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    excluded bigint;
BEGIN
    IF (NEW.made_by_id, NEW.made_at, NEW.campaign_id, NEW.verb, NEW.query)
            IS DISTINCT FROM (OLD.made_by_id, OLD.made_at, OLD.campaign_id, OLD.verb, OLD.query) THEN
        RAISE EXCEPTION 'what was ruled never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ruling_is_fixed';
    END IF;
    IF OLD.confirmed_by_id IS NOT NULL AND NEW.confirmed_by_id IS DISTINCT FROM OLD.confirmed_by_id THEN
        RAISE EXCEPTION 'a ruling is confirmed once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ruling_confirmed_once';
    END IF;
    NEW.run_at := OLD.run_at;
    IF OLD.state <> 'running' AND NEW.state = 'running' THEN
        NEW.run_at := now();
        IF NEW.verb = 'exclude' AND NEW.confirmed_by_id IS NULL
                AND coalesce(nullif(current_setting('role'), 'none'), session_user) <> current_user THEN
            PERFORM FROM auth_user WHERE id = NEW.made_by_id FOR UPDATE;
            SELECT coalesce(sum(would_touch), 0) INTO excluded FROM signatures_ruling
             WHERE made_by_id = NEW.made_by_id AND verb = 'exclude' AND confirmed_by_id IS NULL
               AND run_at > now() - interval '24 hours' AND id <> NEW.id;
            IF excluded + NEW.would_touch > 20 THEN
                RAISE EXCEPTION 'more than twenty exclusions a day wait for a second person'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ruling_many_need_two_people';
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER ruling_guard BEFORE UPDATE ON signatures_ruling
    FOR EACH ROW EXECUTE FUNCTION ruling_guard();
