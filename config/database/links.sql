-- What the links of mails may ask of web without end. Any number of tokens can be made up, and a provider's servers press
-- for thousands of its customers: so no limit, and nothing is stored that leads nowhere. Each function tells of one hash,
-- and whoever can name it holds the link already. SECURITY DEFINER: web reads none of these tables.

CREATE OR REPLACE FUNCTION leads_to_signature(hashed bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
SELECT EXISTS (SELECT FROM signatures_signature WHERE withdrawal_hash = hashed)
$$;

-- While anything confirmed waits to be admitted, the link may be that signer's: a worker looks again (withdrawal.py). No
-- answer to a supporter may depend on this one, for it would tell that somebody has just confirmed.
CREATE OR REPLACE FUNCTION may_lead_to_signature(hashed bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
SELECT leads_to_signature(hashed)
    OR EXISTS (SELECT FROM signatures_submission WHERE confirmed_at IS NOT NULL AND outcome IS NULL)
$$;

CREATE OR REPLACE FUNCTION leads_to_reader(hashed bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
SELECT EXISTS (SELECT FROM signatures_newsreader WHERE token_hash = hashed)
$$;
