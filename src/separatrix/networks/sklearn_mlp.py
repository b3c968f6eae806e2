"""scikit-learn's MLPClassifier, alone or behind affine steps of a Pipeline (§1).

sklearn is imported here and in ``sklearn_steps``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from separatrix.errors import InputError, KindError, SeparatrixError, UnsupportedLayerError, printable
from separatrix.networks.comparison import random_points
from separatrix.networks.layers import Activation, Layer
from separatrix.networks.network import Network, Reading, affine
from separatrix.networks.sklearn_steps import STEPS, affine_step, inner_steps, points_of_data, step_name

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
READABLE = f"a fitted MLPClassifier, alone or in a Pipeline behind affine steps ({STEPS})"


def read_estimator(estimator: Any) -> Network:
    """The network of a fitted MLPClassifier or of a Pipeline of affine steps and one; compared with ``predict_proba``.

    Raises KindError for other estimators, InputError where it is not fitted or multi-label.

    >>> import numpy as np
    >>> from sklearn.neural_network import MLPClassifier
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = MLPClassifier([4], solver="lbfgs", random_state=0).fit(x, [0, 0, 1, 1])
    >>> net = read_estimator(model)
    >>> net.n_classes, net.activations, net.reading.largest_difference < 1e-9
    (2, ('relu',), True)
    """
    steps, model = _parts(estimator)
    source = f"sklearn {type(estimator).__name__}"
    _check_fitted(model, source)
    try:
        return _read(estimator, model, steps, source)
    except SeparatrixError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{source}: its fitted arrays do not fit one another ({printable(error, 100)}); fit it again"
        ) from None


def _read(estimator: Any, model: MLPClassifier, steps: list[tuple[str, Any]], source: str) -> Network:
    """The network of a fitted classifier behind steps."""
    notes: list[str] = []
    weights = [np.asarray(w, dtype=np.float64).T for w in model.coefs_]
    biases = [np.asarray(b, dtype=np.float64) for b in model.intercepts_]
    for label, step in reversed(steps):
        matrix, shift = affine_step(step, f"{source}: step {printable(label, 40)}")
        if (shift.size if matrix.ndim == 1 else matrix.shape[0]) != weights[0].shape[1]:
            raise InputError(
                f"{source}: step {printable(label, 40)} does not fit the step behind it; fit the pipeline again"
            )
        biases[0] = biases[0] + weights[0] @ shift
        weights[0] = weights[0] * matrix if matrix.ndim == 1 else weights[0] @ matrix
        notes.append(
            f"{type(step).__name__} was folded into the first layer in float64: inputs are those of the pipeline"
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
    difference = _difference(network, estimator, model, steps, source)
    reading = Reading(source, difference, tuple(notes), metadata={"classes": ", ".join(classes)})
    return Network(network.nodes, network.n_inputs, reading)


def _parts(estimator: Any) -> tuple[list[tuple[str, Any]], MLPClassifier]:
    """Steps with their names in their order, and the classifier behind them."""
    name = printable(type(estimator).__name__, 80)
    if isinstance(estimator, MLPClassifier):
        return [], estimator
    if not isinstance(estimator, Pipeline):
        inner = getattr(estimator, "best_estimator_", None)
        hint = "; give its best_estimator_" if isinstance(inner, (MLPClassifier, Pipeline)) else ""
        raise KindError(f"load: the estimator {name} cannot be read; expected {READABLE}{hint}")
    steps = inner_steps(estimator)
    refused = [
        f"{printable(label, 60)} ({why})" for label, step in steps[:-1] if (why := step_name(step, is_refused=True))
    ]
    if not steps or not isinstance(steps[-1][1], MLPClassifier):
        refused += [f"{printable(label, 60)} ({type(step).__name__}) at the end" for label, step in steps[-1:]]
        refused = refused or ["no step at all"]
    if refused:
        raise UnsupportedLayerError(
            f"load: steps of the Pipeline cannot be read: {', '.join(refused[:20])}; expected {READABLE}; apply the others "
            "to the data first, and give the steps behind them"
        )
    return steps[:-1], steps[-1][1]


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


def _difference(
    network: Network, estimator: Any, model: MLPClassifier, steps: list[tuple[str, Any]], source: str
) -> float:
    """Largest difference in probability on random points."""
    x = points_of_data(steps, random_points(network.n_inputs))
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
