"""Which reader reads which model, and what all of them share: the scope of the model, and its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import Scope
    from .values import Prediction
    from .xml import Element

    ModelReader = Callable[[Element, Scope], Prediction]

# By the name of the element; `reading` puts the tables of all modules together.
MODELS: dict[str, ModelReader] = {}
# What the specification has beside them.
OTHERS = (
    "AnomalyDetectionModel", "AssociationModel", "BaselineModel", "BayesianNetworkModel", "GaussianProcessModel",
    "NearestNeighborModel", "RuleSetModel", "SequenceModel", "TextModel", "TimeSeriesModel", "ClusteringModel",
    "GeneralRegressionModel", "MiningModel", "NaiveBayesModel", "NeuralNetwork", "RegressionModel", "Scorecard",
    "SupportVectorMachineModel", "TreeModel",
)  # fmt: skip


def read_model(model: Element, scope: Scope) -> Prediction:
    """What a model gives, in a scope of its own.

    Args:
        model: its element.
        scope: of it: ``Scope(document, model)``, or of a segment ``Scope(document, model, parent)``.

    Raises:
        NotAProgramError: it, or something in it, cannot be part of a program; the message names the element.
    """
    reader = MODELS.get(model.tag)
    if reader is None:
        raise model.refused("is a model that is not supported")
    if not model.flag("isScorable", default=True):
        raise model.refused("is not scorable, as it says itself")
    return reader(model, scope)
