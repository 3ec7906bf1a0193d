"""How the tables came to be what they are: Alembic's scripts, run by `visavis.store.database` when they are due."""
