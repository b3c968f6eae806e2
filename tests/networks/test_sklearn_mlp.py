"""scikit-learn's MLPClassifier against its own predict_proba, and everything that is refused."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA, FastICA, TruncatedSVD
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

import separatrix as sx
from separatrix.errors import InputError, KindError, UnsupportedLayerError

X, Y3 = make_classification(120, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
Y2 = np.where(Y3 == 2, "yes", "no")


def mlp(activation="relu", layers=(8, 5)):
    return MLPClassifier(layers, activation=activation, solver="lbfgs", max_iter=20000, tol=1e-2, random_state=0)


@pytest.mark.parametrize("labels", [Y2, Y3], ids=["two", "three"])
@pytest.mark.parametrize(
    ("activation", "ours"), [("relu", "relu"), ("tanh", "tanh"), ("logistic", "sigmoid"), ("identity", "identity")]
)
def test_probabilities_are_the_estimators(activation, ours, labels):
    model = mlp(activation).fit(X, labels)
    net = sx.load(model)
    np.testing.assert_allclose(net.probabilities(X), model.predict_proba(X), atol=1e-12)
    assert (model.classes_[net.predict(X)] == model.predict(X)).all()
    assert net.activations == (ours, ours) and net.reading.largest_difference < 1e-12
    assert ", ".join(map(str, model.classes_)) in net.reading.metadata["classes"]


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler((-1, 1)),
        MaxAbsScaler(),
        RobustScaler(),
    ],
)
def test_scalers_are_folded_into_the_first_layer(scaler):
    model = make_pipeline(StandardScaler(), scaler, mlp()).fit(5 * X + 3, Y3)
    net = sx.load(model)
    np.testing.assert_allclose(net.probabilities(5 * X + 3), model.predict_proba(5 * X + 3), atol=1e-10)
    assert any(type(scaler).__name__ in note for note in net.reading.notes)


@pytest.mark.parametrize(
    "steps",
    [
        [PCA(3)],
        [PCA(3, whiten=True), StandardScaler()],
        [RobustScaler(), PCA(2), MinMaxScaler()],
        [TruncatedSVD(3), "passthrough", FunctionTransformer()],
        [FastICA(3, random_state=0, max_iter=2000, tol=0.1), SelectKBest(k=2)],
        [make_pipeline(StandardScaler(), make_pipeline("passthrough", PCA())), MaxAbsScaler()],
    ],
    ids=str,
)
def test_projections_selections_and_nested_pipelines(steps):
    x = X * [1, 30, 0.1, 500] + [0, 5, 1, 1000]
    model = make_pipeline(*steps, mlp("tanh", (5,))).fit(x, Y3)
    for whole in (model, make_pipeline("passthrough", model)):
        net = sx.load(whole)
        np.testing.assert_allclose(net.probabilities(x), model.predict_proba(x), atol=1e-9)
        assert net.n_inputs == 4 and net.architecture == "4-5-3" and net.reading.largest_difference < 1e-9


def test_no_hidden_layer_and_single_precision():
    assert sx.load(mlp(layers=()).fit(X, Y3)).activations == ()
    model = MLPClassifier((4,), max_iter=3000, tol=0.1, n_iter_no_change=2, random_state=0).fit(
        X.astype(np.float32), Y3
    )
    assert sx.load(model).reading.largest_difference < 1e-5


def test_what_is_refused():
    fitted = mlp().fit(X, Y3)
    cases = [
        (mlp(), InputError, "not fitted"),
        (mlp().fit(X, np.column_stack([Y3 > 0, Y3 > 1]).astype(int)), InputError, "multi-label"),
        (MLPRegressor(max_iter=5000, tol=0.5).fit(X, Y3), KindError, "MLPRegressor cannot be read"),
        (LogisticRegression().fit(X, Y3), KindError, "expected a fitted MLPClassifier"),
        (GridSearchCV(mlp(), {"alpha": [1.0]}, cv=2).fit(X, Y3), KindError, "best_estimator_"),
        (
            make_pipeline(PolynomialFeatures(2), MinMaxScaler(clip=True), Normalizer(), mlp()).fit(X, Y3),
            UnsupportedLayerError,
            "polynomialfeatures .PolynomialFeatures., minmaxscaler .MinMaxScaler that clips.*normalizer .Normalizer",
        ),
        (
            make_pipeline(FunctionTransformer(np.tanh), mlp()).fit(X, Y3),
            UnsupportedLayerError,
            "functiontransformer .FunctionTransformer with a function",
        ),
        (
            make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y3),
            UnsupportedLayerError,
            "LogisticRegression. at the end",
        ),
        (make_pipeline(StandardScaler(), mlp()), InputError, "not fitted"),
        (MLPClassifier, KindError, "class MLPClassifier"),
    ]
    for source, error, match in cases:
        with pytest.raises(error, match=match):
            sx.load(source)
    fitted.coefs_[0][0, 0] = np.nan
    with pytest.raises(InputError, match=r"coefs_\[0\].*NaN"):
        sx.load(fitted)


def test_fitted_arrays_that_do_not_fit():
    cut = mlp().fit(X, Y3)
    cut.coefs_ = cut.coefs_[:-1]
    pipeline = make_pipeline(StandardScaler(), mlp()).fit(X, Y3)
    pipeline[0].mean_ = pipeline[0].mean_[:-1]
    for estimator in (cut, pipeline):
        with pytest.raises(InputError, match="its fitted arrays do not fit one another"):
            sx.load(estimator)
