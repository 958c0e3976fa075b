"""No statement of a tier takes or waits for ever."""

import psycopg
import pytest
from django.db import connection

from config import settings


@pytest.mark.parametrize("tier", settings.LIMITS)
def test_each_tiers_limits_are_what_postgresql_keeps(db, tier):
    there = connection.settings_dict
    keys = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    address = {key: there[name] for key, name in keys.items() if there[name]}
    with psycopg.connect(**address, options=settings._limits(settings.LIMITS[tier])) as session:
        kept = {
            name: session.execute("SELECT setting::int FROM pg_settings WHERE name = %s", [name]).fetchone()[0]
            for name in settings.LIMITS[tier]
        }
    assert kept == settings.LIMITS[tier]
