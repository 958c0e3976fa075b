"""What the database itself guards, beside its tables: the roles' rights (grants.py), and in *.sql, one file a subject,
row security, triggers, functions and what else no model can say. apply.py brings a database to what they say.
"""
