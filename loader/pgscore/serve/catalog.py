"""The models that a service has, each as it answers now: of a database that is followed, or of bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pgscore.bundle import load
from pgscore.errors import PgscoreError
from pgscore.served import Follower, Mark, Served

from .problems import Problem, away, unknown_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Settings


class Catalog(Protocol):
    """The models, as they answer now."""

    @property
    def connected(self) -> bool:
        """Whether what is given is what the database says."""

    @property
    def served(self) -> dict[str, Served]:
        """All by their names."""

    def get(self, model: str) -> Served | None:
        """One of them; None: there is no such model."""

    def start(self) -> None:
        """Begins."""

    def look(self) -> None:
        """Reads everything anew."""

    def close(self) -> None:
        """Ends."""


class FollowedCatalog:
    """The models of a database."""

    def __init__(self, settings: Settings, changed: Callable[[Served], None], lost: Callable[[str], None]) -> None:
        self._follower = Follower(
            settings.dsn or "",
            settings.models,
            interval=settings.interval,
            changed=changed,
            gone=lambda _model: None,
            lost=lambda sentence, _pause: lost(sentence),
        )
        self.get = self._follower.get
        self.look = self._follower.look
        self.close = self._follower.close

    @property
    def connected(self) -> bool:
        """Whether the database was there when it was last looked at."""
        return self._follower.connected

    @property
    def served(self) -> dict[str, Served]:
        """All by their names."""
        return self._follower.served

    def start(self) -> None:
        """Begins; where the database is away it is waited for in the background."""
        self._follower.start(wait=10.0)


class BundleCatalog:
    """The models of bundles: files, read anew where a service is told to reload."""

    connected = True

    def __init__(self, settings: Settings, changed: Callable[[Served], None], lost: Callable[[str], None]) -> None:
        self._settings, self._changed, self._lost = settings, changed, lost
        self.served: dict[str, Served] = {}

    def get(self, model: str) -> Served | None:
        """One of them."""
        return self.served.get(model)

    def start(self) -> None:
        """Reads them.

        Raises:
            PgscoreError: one is refused, or there are two of one model.
        """
        found: dict[str, Served] = {}
        for file in self._settings.bundles:
            bundle = load(file, key=self._settings.bundle_key)
            if bundle.model in found:
                raise PgscoreError(f"{file} is the second bundle of model {bundle.model!r}", "Name one of each model.")
            bundle.prepare()
            document: Any = bundle.opened.document
            found[bundle.model] = Served(
                model=bundle.model,
                mark=Mark(bundle.version, bundle.sha256, None),
                version=bundle.version,
                contract=document["contract"],
                bundle=bundle,
                problem=None,
                bindings=tuple(document["bindings"]),
                refused={},
            )
        self.served = found
        for each in found.values():
            self._changed(each)

    def look(self) -> None:
        """Reads them anew; where one is refused all stay as they were."""
        try:
            self.start()
        except PgscoreError as error:
            self._lost(str(error))

    def close(self) -> None:
        """Nothing."""


def answering(catalog: Catalog, model: str) -> Served:
    """A model of which a version answers.

    Raises:
        Problem: there is no such model, none of its versions answers, or it is not known whether there is one.
    """
    served = catalog.get(model)
    if served is None:
        if not catalog.connected and not catalog.served:
            raise away("the database has not been reached yet, so it is not known which models there are")
        raise unknown_model(model)
    if served.version is None:
        raise Problem(404, "no-version", served.problem or "no version answers")
    return served
