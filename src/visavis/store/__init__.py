"""The history: which rooms there were, who was in them, and what they sent. SQL by SQLAlchemy, SQLite unless told.

Import from its modules: SQLAlchemy takes a third of a second to load, which commands that need no history shall not.
"""
