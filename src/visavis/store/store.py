"""One history as an application has it: the database, its writer and its reader."""

from visavis.store.database import Database
from visavis.store.history import History
from visavis.store.recorder import Recorder


class Store:
    """What `database_url` names. Nothing is opened before the recorder starts."""

    def __init__(self, database_url: str, *, keep_days: float, owner: str | None = None) -> None:
        """Reads the URL.

        Args:
            database_url: where it is.
            keep_days: what ended so long ago is deleted; 0: nothing is.
            owner: as `Recorder` has it.

        Raises:
            VisavisError: `INVALID_SETTING`.
        """
        self._database = Database(database_url)
        self.recorder = Recorder(self._database, keep_days=keep_days, owner=owner)
        self.history = History(self._database)

    async def aclose(self, within: float) -> None:
        """Writes what waits, for so many seconds at most, and closes. Twice is fine."""
        await self.recorder.aclose(within)
        await self._database.aclose()
