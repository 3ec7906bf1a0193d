"""The legs of an installation, in the order in which one stands on another."""

import ssl
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from visavis.config import DEVELOPMENT_SECRET, MIN_SECRET_LENGTH, Settings
from visavis.doctor import embedded
from visavis.doctor.finding import Finding, doubtful, failed, left_out, well
from visavis.errors import VisavisError


async def examine(settings: Settings, keys: Mapping[str, str]) -> AsyncGenerator[Finding]:
    """Tries all legs of these settings, with these API keys."""
    yield _secret(keys)
    for leg, certificate, key in (
        ("tls", settings.tls_cert, settings.tls_key),
        ("turn tls", settings.turn_cert, settings.turn_key),
    ):
        if certificate is not None and key is not None:
            yield _certificate(leg, certificate, key)
    if settings.backend == "embedded":
        for finding in embedded.examine(settings):
            yield finding
    else:
        # Here and not above: see `visavis.backend.livekit`.
        from visavis.doctor import cluster

        async for finding in cluster.examine(settings, keys):
            yield finding
    yield await _database(settings)


def _secret(keys: Mapping[str, str]) -> Finding:
    for key, secret in keys.items():
        if secret == DEVELOPMENT_SECRET:
            return doubtful(
                "secret",
                f"the secret of {key!r} is the development secret, which everybody knows: set "
                "api_key and api_secret before anybody else can reach this",
            )
        if len(secret) < MIN_SECRET_LENGTH:
            return failed(
                "secret",
                f"the secret of {key!r} has {len(secret)} characters: set api_secret to "
                f"{MIN_SECRET_LENGTH} random ones or more",
            )
    return well("secret", f"{len(keys)} API key{'s' if len(keys) > 1 else ''}, long enough")


def _certificate(leg: str, certificate: Path, key: Path) -> Finding:
    names = "tls_cert and tls_key" if leg == "tls" else "turn_cert and turn_key"
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        return failed(leg, f"{names} are no certificate and its key: {error}")
    return well(leg, f"{certificate} and its key fit together")


async def _database(settings: Settings) -> Finding:
    if not settings.database_url:
        return left_out(
            "database",
            "database_url is empty: no history is kept"
            if settings.database_url == ""
            else "database_url is not set: `serve` keeps the history in a file, `dev` in memory",
        )
    from visavis.store import schema
    from visavis.store.database import Database
    from visavis.store.faults import DatabaseFault

    try:
        database = Database(settings.database_url)
    except VisavisError as error:
        return failed("database", error.message)
    try:
        found = await schema.revision_of(database)
        schema.refuse_newer(database, found)
    except DatabaseFault as fault:
        return failed("database", f"{database.name} cannot be read: {fault.reason}; see database_url")
    except VisavisError as error:
        return failed("database", error.message)
    finally:
        await database.aclose()
    if found is None:
        return well("database", f"{database.name} answers; its tables are made at the start")
    if found != schema.NEWEST:
        return doubtful("database", f"{database.name} has schema {found}; the start brings it to {schema.NEWEST}")
    return well("database", f"{database.name} answers; its schema is {found}")
