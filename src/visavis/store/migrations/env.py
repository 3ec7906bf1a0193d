"""Alembic's environment: runs the scripts on the connection that `visavis.store.database` hands over."""

from alembic import context

from visavis.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
