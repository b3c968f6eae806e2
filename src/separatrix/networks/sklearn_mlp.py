"""scikit-learn's MLPClassifier, alone or behind scalers in a Pipeline (§1). sklearn is imported in this file only."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from separatrix.errors import InputError, KindError, UnsupportedLayerError, printable
from separatrix.networks.comparison import random_points
from separatrix.networks.layers import Activation, Layer
from separatrix.networks.network import Network, Reading, affine

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
READABLE = (
    "a fitted MLPClassifier, alone or in a Pipeline behind StandardScaler, MinMaxScaler, MaxAbsScaler or RobustScaler"
)
AffineMap = tuple[np.ndarray, np.ndarray]


def read_estimator(estimator: Any) -> Network:
    """The network of a fitted MLPClassifier or of a Pipeline of scalers and one; compared with ``predict_proba``.

    Raises KindError for other estimators, InputError where it is not fitted or multi-label.

    >>> import numpy as np
    >>> from sklearn.neural_network import MLPClassifier
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = MLPClassifier([4], solver="lbfgs", random_state=0).fit(x, [0, 0, 1, 1])
    >>> net = read_estimator(model)
    >>> net.n_classes, net.activations, net.reading.largest_difference < 1e-9
    (2, ('relu',), True)
    """
    scalers, model = _parts(estimator)
    source = f"sklearn {type(estimator).__name__}"
    _check_fitted(model, source)
    notes: list[str] = []
    weights = [np.asarray(w, dtype=np.float64).T for w in model.coefs_]
    biases = [np.asarray(b, dtype=np.float64) for b in model.intercepts_]
    for scaler in reversed(scalers):
        scale, shift = _scaling(scaler, weights[0].shape[1], source)
        biases[0] = biases[0] + weights[0] @ shift
        weights[0] = weights[0] * scale
        notes.append(
            f"{type(scaler).__name__} was folded into the first layer in float64: inputs are those of the pipeline"
        )
    layers: list[Layer] = []
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        layers.append(affine(weight, bias, f"{source}: coefs_[{index}], intercepts_[{index}]"))
        if index < len(weights) - 1:
            layers.append(Activation(ACTIVATIONS[model.activation]))
    classes = [printable(label, 60) for label in model.classes_.tolist()]
    notes.append(f"class k is classes_[k]: {', '.join(classes[:20])}{', …' if len(classes) > 20 else ''}")
    if len(classes) == 2:
        notes.append("one logit t, classes with logits (0, t)")
    else:
        notes.append("the softmax at the end was taken off: logits are right up to a constant a point")
    network = Network.chain(layers, weights[0].shape[1])
    difference = _difference(network, estimator, model, source)
    reading = Reading(source, difference, tuple(notes), metadata={"classes": ", ".join(classes)})
    return Network(network.nodes, network.n_inputs, reading)


def _parts(estimator: Any) -> tuple[list[Any], MLPClassifier]:
    """Scalers in their order, and the classifier behind them."""
    name = printable(type(estimator).__name__, 80)
    if isinstance(estimator, MLPClassifier):
        return [], estimator
    if not isinstance(estimator, Pipeline):
        inner = getattr(estimator, "best_estimator_", None)
        hint = "; give its best_estimator_" if isinstance(inner, (MLPClassifier, Pipeline)) else ""
        raise KindError(f"load: the estimator {name} cannot be read; expected {READABLE}{hint}")
    steps = [(label, step) for label, step in estimator.steps if step is not None and step != "passthrough"]
    scalers = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
    refused = [
        f"{printable(label, 40)} ({type(step).__name__})" for label, step in steps[:-1] if not isinstance(step, scalers)
    ]
    if not steps or not isinstance(steps[-1][1], MLPClassifier):
        refused += [f"{printable(label, 40)} ({type(step).__name__}) at the end" for label, step in steps[-1:]]
        refused = refused or ["no step at all"]
    if refused:
        raise UnsupportedLayerError(
            f"load: steps of the Pipeline cannot be read: {', '.join(refused[:20])}; expected {READABLE}"
        )
    return [step for _, step in steps[:-1]], steps[-1][1]


def _check_fitted(model: MLPClassifier, source: str) -> None:
    if not hasattr(model, "coefs_"):
        raise InputError(f"{source}: is not fitted; call fit first")
    if model.activation not in ACTIVATIONS:
        raise InputError(f"{source}: unknown activation {printable(model.activation)!r}")
    if getattr(model, "out_activation_", "softmax") == "logistic" and model.n_outputs_ > 1:
        raise InputError(
            f"{source}: is multi-label ({model.n_outputs_} independent outputs), which is no classification into "
            "classes; fit one classifier a label"
        )
    if getattr(model, "out_activation_", None) not in ("softmax", "logistic"):
        raise InputError(
            f"{source}: the output activation is {printable(model.out_activation_)!r}; expected softmax or logistic"
        )


def _scaling(scaler: Any, n: int, source: str) -> AffineMap:
    """(scale, shift) with scaler.transform(x) = scale * x + shift."""
    name = type(scaler).__name__
    if not hasattr(scaler, "n_features_in_"):
        raise InputError(f"{source}: its {name} is not fitted; call fit first")
    if isinstance(scaler, MinMaxScaler):
        if scaler.clip:
            raise UnsupportedLayerError(
                f"{source}: its MinMaxScaler clips, which is no affine map; expected clip=False"
            )
        return np.asarray(scaler.scale_, dtype=np.float64), np.asarray(scaler.min_, dtype=np.float64)
    center = getattr(scaler, "mean_" if isinstance(scaler, StandardScaler) else "center_", None)
    if isinstance(scaler, StandardScaler) and not scaler.with_mean:
        center = None
    spread = scaler.scale_ if getattr(scaler, "scale_", None) is not None else np.ones(n)
    scale = 1.0 / np.asarray(spread, dtype=np.float64)
    return scale, -scale * (np.zeros(n) if center is None else np.asarray(center, dtype=np.float64))


def _difference(network: Network, estimator: Any, model: MLPClassifier, source: str) -> float:
    """Largest difference in probability on random points."""
    x = random_points(network.n_inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = np.asarray(estimator.predict_proba(x), dtype=np.float64)
    difference = float(np.abs(own - network.probabilities(x)).max())
    tolerance = 1e-4 if model.coefs_[0].dtype == np.float32 else 1e-9
    if not difference <= tolerance:
        raise InputError(
            f"{source}: the network read differs from predict_proba by {difference:.3g}, more than {tolerance:g}"
        )
    return difference
