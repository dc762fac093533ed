"""Which elements of PMML the readers ask for, and which say nothing of a prediction. Any other is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .xml import Element

# Statistics, descriptions, and rows of tables, whose elements are called what a document likes.
IGNORED = frozenset((
    "Anova", "Covariances", "Decisions", "Header", "KohonenMap", "MiningBuildTask", "ModelExplanation", "ModelStats",
    "ModelVerification", "Partition", "Taxonomy", "UnivariateStats", "row",
))  # fmt: skip
# Those that readers ask for, or refuse with more to say than that they are not supported.
READ = frozenset((
    "Aggregate", "AnomalyDetectionModel", "Apply", "Array", "AssociationModel", "Attribute", "BaseCumHazardTables",
    "BaselineModel", "BayesInput", "BayesInputs", "BayesOutput", "BayesianNetworkModel", "CategoricalPredictor",
    "Categories", "Category", "CenterFields", "Characteristic", "Characteristics", "Cluster", "ClusteringField",
    "ClusteringModel", "Coefficient", "Coefficients", "ComparisonMeasure", "ComplexPartialScore", "CompoundPredicate",
    "Con", "Constant", "CovariateList", "DataDictionary", "DataField", "DecisionTree", "DefineFunction", "DerivedField",
    "Discretize", "DiscretizeBin", "Error", "EventValues", "FactorList", "False", "FieldColumnPair", "FieldRef",
    "GaussianDistribution", "GaussianProcessModel", "GeneralRegressionModel", "INT-Entries", "INT-SparseArray",
    "Indices", "InlineTable", "Interval", "Lag", "LinearKernelType", "LinearNorm", "LocalTransformations", "MapValues",
    "MatCell", "Matrix", "MiningField", "MiningModel", "MiningSchema", "MissingValueWeights", "NaiveBayesModel",
    "NearestNeighborModel", "NeuralInput", "NeuralInputs", "NeuralLayer", "NeuralNetwork", "NeuralOutput",
    "NeuralOutputs", "Neuron", "Node", "NormContinuous", "NormDiscrete", "NumericPredictor", "Output", "OutputField",
    "PCell", "PCovCell", "PCovMatrix", "PPCell", "PPMatrix", "PairCounts", "ParamMatrix", "Parameter", "ParameterField",
    "ParameterList", "PoissonDistribution", "PolynomialKernelType", "Predictor", "PredictorTerm", "REAL-Entries",
    "REAL-SparseArray", "RadialBasisKernelType", "Regression", "RegressionModel", "RegressionTable", "RuleSetModel",
    "ScoreDistribution", "Scorecard", "Segment", "Segmentation", "SequenceModel", "SigmoidKernelType",
    "SimplePredicate", "SimpleSetPredicate", "SupportVector", "SupportVectorMachine", "SupportVectorMachineModel",
    "SupportVectors", "TableLocator", "Target", "TargetValue", "TargetValueCount", "TargetValueCounts",
    "TargetValueStat", "TargetValueStats", "Targets", "TextIndex", "TextModel", "TimeSeriesModel",
    "TransformationDictionary", "TreeModel", "True", "Value", "VariableWeight", "VectorDictionary", "VectorFields",
    "VectorInstance", "binarySimilarity", "chebychev", "cityBlock", "euclidean", "jaccard", "minkowski",
    "simpleMatching", "squaredEuclidean", "tanimoto", "AnyDistribution", "UniformDistribution",
))  # fmt: skip


def check_elements(*roots: Element | None) -> None:
    """Returns where all elements below these are known.

    Raises:
        NotAProgramError: one is not; the message names it with its path.
    """
    waiting = [each for each in roots if each is not None]
    while waiting:
        here = waiting.pop()
        if here.tag in IGNORED:
            continue
        if here.tag not in READ:
            raise here.refused("is an element that is not supported")
        waiting.extend(here.children)
