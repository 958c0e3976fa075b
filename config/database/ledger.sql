-- The ledger of what came in and what became of it. A worker adds to a day and takes nothing from it; only what a
-- ruling removed can be put back, so `removed` may shrink.

CREATE OR REPLACE FUNCTION ledger_guard() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.campaign_id <> OLD.campaign_id OR NEW."on" <> OLD."on"
            OR NEW.received < OLD.received OR NEW.taken < OLD.taken OR NEW.admitted < OLD.admitted
            OR NEW.duplicate < OLD.duplicate OR NEW.held < OLD.held OR NEW.late < OLD.late
            OR NEW.unreadable < OLD.unreadable OR NEW.withdrawn < OLD.withdrawn OR NEW.expired < OLD.expired THEN
        RAISE EXCEPTION 'the ledger is only added to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_only_grows';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER ledger_guard BEFORE UPDATE ON signatures_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION ledger_guard();
