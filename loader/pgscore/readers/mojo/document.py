"""An H2O MOJO, as genmodel opens it: the zip, its settings, the columns with their domains; and what is no MOJO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore_runtime.contract import Input, Output

from pgscore.errors import PgscoreError

from .archive import Archive, damaged, open_archive, too_large
from .settings import Settings, lines_of, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ANEW = "Publish the MOJO of the same model: model.download_mojo() in Python, h2o.download_mojo() in R."
# What is written into a POJO's first lines, which are comments, imports and the class.
_POJO = (b"extends GenModel", b"import hex.genmodel", b"hex.genmodel.GenModel")
_HEAD = 20_000
# What H2O's own files of models begin with (water.AutoBuffer).
_BINARY = b"\x1c\xed"
_PIPELINE = ("mojo/", "pipeline.mojo", "mojo-pipeline/")
# Those of model.ini's mojo_version that are known, by what it has for the algorithm. genmodel 3.46 reads them so.
VERSIONS: dict[str, tuple[float, ...]] = {
    "Gradient Boosting Machine": (1.0, 1.1, 1.2, 1.3, 1.4),
    "Gradient Boosting Method": (1.0, 1.1, 1.2, 1.3, 1.4),
    "Distributed Random Forest": (1.0, 1.1, 1.2, 1.3, 1.4),
    "Isolation Forest": (1.2, 1.3, 1.4),
    "Generalized Linear Modeling": (1.0,),
    "Generalized Linear Model": (1.0,),
    "XGBoost": (1.0, 1.1),
}
_READ = "GBM, DRF, GLM, XGBoost and isolation forests"
_OF_CLASSES = ("Binomial", "Multinomial", "Ordinal")
_ANOMALY = "AnomalyDetection"
CATEGORIES = (*_OF_CLASSES, "Regression", _ANOMALY)
# Encodings of categories that leave columns as they are in the table.
_ENCODINGS = ("AUTO", "Enum", "SortByResponse")
_MOST_INPUTS = 1_600
# Of a program.
MOST_TEXT = 1_000
_MOST_LEVELS = 1_000_000
_TWO = 2


@dataclass(frozen=True, eq=False)
class MojoDocument:
    """A MOJO.

    Attributes:
        archive: its entries.
        settings: its `model.ini`.
        domains: for each feature its categories, in the order of their codes; None for a number.
        inputs: the features, and behind them the offset, where there is one.
        output: what the score is.
        target: which of the `outputs` is the score, where there are several; else empty.
    """

    archive: Archive
    settings: Settings
    domains: tuple[tuple[str, ...] | None, ...]
    inputs: tuple[Input, ...]
    output: Output
    target: str

    @property
    def features(self) -> Sequence[str]:
        """The names of the features."""
        return self.settings.columns[: len(self.domains)]

    @property
    def has_offset(self) -> bool:
        """Whether the last input is an offset."""
        return len(self.inputs) > len(self.domains)

    @property
    def algorithm(self) -> str:
        """What it was made by."""
        return self.settings.needed("algorithm")

    @property
    def category(self) -> str:
        """What it predicts: ``Binomial``, ``Regression`` and so on."""
        return self.settings.needed("category")

    @property
    def version(self) -> float:
        """The version of the format."""
        return self.settings.number("mojo_version")

    @property
    def categories(self) -> Mapping[str, tuple[str | float | bool, ...]]:
        """By input, the categories that the file knows of it."""
        pairs = zip(self.features, self.domains, strict=True)
        return {name: domain for name, domain in pairs if domain is not None}

    @property
    def libraries(self) -> Mapping[str, str]:
        """What wrote the file."""
        return {
            "h2o": self.settings.text("h2o_version", "unknown") or "unknown",
            "mojo": self.settings.needed("mojo_version"),
        }

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names that `open_mojo` takes, the first by itself; none where there is nothing to choose."""
        return _outputs(self.settings)


def open_mojo(content: bytes, target: str | None = None) -> MojoDocument:
    """The MOJO in these bytes. Trees and weights are read later, when a program is made of it.

    Args:
        content: the file.
        target: the score where there are several. Of an isolation forest: its ``score``, the ``mean_length`` of
            paths, or ``predict``, which is 1 or 0 where the model was trained to say so. Of a classifier that was
            calibrated: ``probability``, or ``calibrated``. None: the first.

    Raises:
        PgscoreError: it is no MOJO, or damaged, too large, of another version or of another algorithm.
    """
    _refuse_others(content)
    archive = open_archive(content)
    _refuse_pipelines(archive)
    settings = read_settings(archive.text("model.ini"))
    _check(settings)
    features = settings.integer("n_features")
    supervised = settings.boolean("supervised")
    if not 0 < features <= len(settings.columns) - supervised:
        raise damaged(f"model.ini has n_features = {features} of {len(settings.columns)} columns")
    if sum(size for size, _ in settings.domains.values()) > _MOST_LEVELS:
        raise too_large(f"its columns have more than {_MOST_LEVELS:,} categories")
    outputs = _outputs(settings)
    if target is not None and target not in outputs:
        known = ", ".join(outputs) or "none"
        raise PgscoreError(f"the MOJO has no output {target!r} to choose", f"Outputs to choose from: {known}.")
    return MojoDocument(
        archive,
        settings,
        tuple(_domain(archive, settings, column) for column in range(features)),
        _inputs(settings, features),
        _output(archive, settings),
        target or "".join(outputs[:1]),
    )


def _outputs(settings: Settings) -> tuple[str, ...]:
    if settings.needed("category") == _ANOMALY:
        return ("score", "mean_length", *(["predict"] if settings.boolean("output_anomaly_flag") else []))
    if settings.text("calib_method") and settings.needed("algorithm") != "XGBoost":
        return ("probability", "calibrated")
    return ()


def _refuse_others(content: bytes) -> None:
    head = content[:_HEAD]
    if any(each in head for each in _POJO) and not head.startswith(b"PK"):
        raise PgscoreError("the file is a POJO: Java source, which pgscore does not read", _ANEW)
    if head.startswith(_BINARY):
        raise PgscoreError("the file is H2O's own binary form of a model, which only H2O of that version reads", _ANEW)


def _refuse_pipelines(archive: Archive) -> None:
    if "model.ini" in archive:
        return
    if any(name.startswith(_PIPELINE) for name in archive.names):
        raise PgscoreError(
            "the file is a MOJO 2 pipeline of Driverless AI, which is another format than H2O's MOJO",
            f"pgscore reads MOJOs of H2O-3: {_READ}.",
        )
    if any(name.endswith(".class") or name.startswith("META-INF/") for name in archive.names):
        raise PgscoreError("the file is a Java archive and no MOJO", _ANEW)
    raise PgscoreError("the file is no MOJO: its archive has no model.ini", _ANEW)


def _check(settings: Settings) -> None:
    algorithm = settings.needed("algorithm")
    versions = VERSIONS.get(algorithm)
    if versions is None:
        raise PgscoreError(f"the MOJO is of the algorithm {algorithm[:60]!r}", f"pgscore reads {_READ}.")
    if settings.number("mojo_version") not in versions:
        raise PgscoreError(
            f"the MOJO has the format version {settings.needed('mojo_version')[:20]}",
            f"Of {algorithm} pgscore reads the versions {', '.join(f'{each:.2f}' for each in versions)}.",
        )
    if settings.text("endianness", "LITTLE_ENDIAN") != "LITTLE_ENDIAN":
        raise PgscoreError("the MOJO has its numbers in big-endian order", "Write it on a machine like your server.")
    if settings.needed("category") not in CATEGORIES:
        raise PgscoreError(
            f"the MOJO is a model of the category {settings.needed('category')[:40]!r}",
            f"pgscore reads those of {', '.join(CATEGORIES)}.",
        )
    encoding = settings.text("_genmodel_encoding", "AUTO") or ""
    if encoding not in _ENCODINGS:
        raise PgscoreError(
            f"the MOJO encodes categories as {encoding[:40]!r}",
            f"Train it with categorical_encoding one of {', '.join(_ENCODINGS)}.",
        )


def _domain(archive: Archive, settings: Settings, column: int) -> tuple[str, ...] | None:
    """The categories of a column: a line each; ends of lines are escaped where model.ini says so."""
    if column not in settings.domains:
        return None
    size, name = settings.domains[column]
    lines = lines_of(archive.text(f"domains/{name}"), size, f"domains/{name[:60]}")
    if len(lines) != size:
        raise damaged(f"domains/{name[:60]} has {len(lines)} categories, and model.ini says {size}")
    return tuple(map(_unescaped, lines)) if settings.boolean("escape_domain_values") else tuple(lines)


def _unescaped(line: str) -> str:
    """As hex.genmodel.utils.StringEscapeUtils.unescapeNewlines: behind a backslash other characters stay."""
    if "\\" not in line:
        return line
    found, is_escaped = [], False
    for each in line:
        if is_escaped:
            found.append({"n": "\n", "r": "\r"}.get(each, each))
            is_escaped = False
        elif each == "\\":
            is_escaped = True
        else:
            found.append(each)
    return "".join(found)


def _inputs(settings: Settings, features: int) -> tuple[Input, ...]:
    """The features, as the model takes missing values of them; and the offset, which has to be there."""
    names = list(settings.columns[:features])
    nullable = _takes_missing(settings)
    found = [
        Input(name, "text" if column in settings.domains else "double precision", nullable)
        for column, name in enumerate(names)
    ]
    offset = settings.text("offset_column")
    if offset is not None:
        found.append(Input(offset, "double precision", nullable=False))
    if len(found) > _MOST_INPUTS:
        raise too_large(f"it has more than {_MOST_INPUTS:,} inputs")
    if len({each.name for each in found}) < len(found):
        raise damaged("two of its columns have one name")
    _check_texts("column", [each.name for each in found])
    return tuple(found)


def _check_texts(kind: str, texts: Sequence[str]) -> None:
    """Refuses names that no database holds, or no program."""
    for each in texts:
        if "\0" in each or len(each.encode()) > MOST_TEXT:
            raise too_large(f"a {kind} has a name of more than {MOST_TEXT:,} bytes, or one with a zero byte in it")


def _takes_missing(settings: Settings) -> bool:
    """Whether a row may have a score without a value: not of a linear model that was told to leave such rows out."""
    is_linear = settings.needed("algorithm").startswith("Generalized Linear")
    return not is_linear or settings.boolean("mean_imputation")


def _output(archive: Archive, settings: Settings) -> Output:
    """A probability of the second of two classes, or of the first; or a value."""
    if settings.needed("category") not in _OF_CLASSES:
        return Output("value")
    classes = settings.integer("n_classes")
    labels = _domain(archive, settings, len(settings.columns) - 1) if settings.boolean("supervised") else None
    if labels is None and classes == _TWO:
        # Of a numeric response genmodel calls them so (quasibinomial).
        labels = ("0", "1")
    if labels is None or len(labels) != classes or classes < _TWO or len(set(labels)) < classes:
        raise damaged(f"its response has not the {classes} classes that model.ini says")
    _check_texts("class", labels)
    return Output("probability", labels, 1 if classes == _TWO else 0)
