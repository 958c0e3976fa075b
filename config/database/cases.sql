-- The desk writes down what is to be done for a case; only a worker says that it was done. What was written down stays.

ALTER TABLE signatures_caseact ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_select ON signatures_caseact FOR SELECT TO :"desk" USING (true);

CREATE POLICY desk_insert ON signatures_caseact FOR INSERT TO :"desk"
    WITH CHECK (outcome = '' AND done_at IS NULL AND asked_at = statement_timestamp());

CREATE POLICY worker_all ON signatures_caseact FOR ALL TO :"worker" USING (true) WITH CHECK (true);
