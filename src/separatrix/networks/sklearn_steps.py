"""Affine steps of scikit-learn's pipelines: scalers, projections and selections of features (§1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from separatrix.errors import InputError, printable

SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
PROJECTIONS = (PCA, IncrementalPCA, FastICA, TruncatedSVD)
STEPS = (
    "StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, PCA, IncrementalPCA, FastICA, TruncatedSVD, selections of "
    "features, passthrough, Pipelines of these"
)
DEPTH_LIMIT = 50


def inner_steps(pipeline: Pipeline, prefix: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    """Names and steps of a pipeline, those of pipelines inside it in their place, steps that do nothing left out."""
    if depth > DEPTH_LIMIT:
        raise InputError(f"load: Pipelines are nested more than {DEPTH_LIMIT} deep")
    found: list[tuple[str, Any]] = []
    for label, step in pipeline.steps:
        name = f"{prefix}{label}"
        if isinstance(step, Pipeline):
            found += inner_steps(step, f"{name}.", depth + 1)
        elif step is not None and not (isinstance(step, str) and step == "passthrough"):
            found.append((name, step))
    return found


def step_name(step: Any, is_refused: bool = False) -> str:
    """Kind of a step; with ``is_refused`` only why it cannot be read, empty where it can."""
    name = printable(type(step).__name__, 60)
    if not is_refused:
        return name
    if isinstance(step, MinMaxScaler) and step.clip:
        return f"{name} that clips, which is no affine map; expected clip=False"
    if isinstance(step, FunctionTransformer):
        return "" if step.func is None else f"{name} with a function, which cannot be looked into"
    return "" if isinstance(step, (*SCALERS, *PROJECTIONS, SelectorMixin)) else name


def affine_step(step: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(M, c) with step.transform(x) = M x + c; M (out, in), or the diagonal of a scaling, (n,).

    Raises InputError, named ``where``, for steps that are not fitted.
    """
    if not hasattr(step, "n_features_in_") and not isinstance(step, FunctionTransformer):
        raise InputError(f"{where} ({type(step).__name__}) is not fitted; call fit first")
    if isinstance(step, FunctionTransformer):
        n = getattr(step, "n_features_in_", None)
        if n is None:
            raise InputError(f"{where} ({type(step).__name__}) is not fitted; call fit first")
        return np.ones(n), np.zeros(n)
    try:
        if isinstance(step, SCALERS):
            return _scaling(step)
        if isinstance(step, PROJECTIONS):
            return _projection(step)
        picked = np.asarray(step.get_support(indices=True))
    except AttributeError:
        raise InputError(f"{where} ({type(step).__name__}) is not fitted; call fit first") from None
    return np.eye(step.n_features_in_)[picked], np.zeros(picked.size)


def _scaling(scaler: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(scaler, MinMaxScaler):
        return np.asarray(scaler.scale_, dtype=np.float64), np.asarray(scaler.min_, dtype=np.float64)
    n = scaler.n_features_in_
    center = getattr(scaler, "mean_" if isinstance(scaler, StandardScaler) else "center_", None)
    if isinstance(scaler, StandardScaler) and not scaler.with_mean:
        center = None
    spread = scaler.scale_ if getattr(scaler, "scale_", None) is not None else np.ones(n)
    scale = 1.0 / np.asarray(spread, dtype=np.float64)
    return scale, -scale * (np.zeros(n) if center is None else np.asarray(center, dtype=np.float64))


def _projection(step: Any) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.array(step.components_, dtype=np.float64)
    mean = getattr(step, "mean_", None)
    if isinstance(step, (PCA, IncrementalPCA)) and step.whiten:
        spread = np.sqrt(np.asarray(step.explained_variance_, dtype=np.float64))
        matrix /= np.maximum(spread, np.finfo(spread.dtype).eps)[:, None]
    if mean is None or isinstance(step, TruncatedSVD) or (isinstance(step, FastICA) and not step.whiten):
        return matrix, np.zeros(matrix.shape[0])
    return matrix, -matrix @ np.asarray(mean, dtype=np.float64)


def points_of_data(steps: list[tuple[str, Any]], x: np.ndarray) -> np.ndarray:
    """Random points moved to where the first scaler says that the data lie."""
    first = steps[0][1] if steps else None
    if isinstance(first, SCALERS):
        scale, shift = _scaling(first)
        scale = np.where(scale == 0, 1.0, scale)
        return (x - shift) / scale
    if isinstance(first, (PCA, IncrementalPCA)):
        largest = np.asarray(first.explained_variance_, dtype=np.float64).max()
        return x * float(np.sqrt(largest)) + np.asarray(first.mean_, dtype=np.float64)
    return x
