"""What the logins may do beside tables (grants.py), as whoever administers PostgreSQL says it: one statement a line."""

from __future__ import annotations

from collections.abc import Iterable

# Whoever is connected could hold any advisory lock, and so the one of migrating, of sealing a packet or of acting on
# cases, for as long as the connection lasts: by default everybody may call these functions. In each database.
LOCKS_ARE_FOR = (
    "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc"
    " WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' LOOP"
    " EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);"
    " EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {roles}', f);"
    " END LOOP; END $$;"
)


def locks_are_for(roles: Iterable[str]) -> str:
    """Advisory locks for these roles, and for nobody else. Names as PostgreSQL quotes them, without a quote in them."""
    return LOCKS_ARE_FOR.replace("{roles}", ", ".join(f'"{role}"' for role in roles))


def limits_of(role: str, limits: dict[str, int]) -> list[str]:
    """However the role connects. `limits`: milliseconds by PostgreSQL's names."""
    return [f'ALTER ROLE "{role}" SET {name} = {milliseconds};' for name, milliseconds in limits.items()]
