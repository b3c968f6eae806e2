"""ONNX operators that cannot be read as part of a smooth or piecewise linear network, and why (§1)."""

from __future__ import annotations

from separatrix.networks.traced_patterns import BENT_AT_ZERO

REFUSED = {
    **dict.fromkeys(("Loop", "Scan"), "control flow"),
    **dict.fromkeys(
        ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv", "MatMulInteger",
         "ConvInteger"),
        "quantised; export the unquantised model",
    ),
    **dict.fromkeys(
        ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"),
        "draws random numbers",
    ),
    **dict.fromkeys(
        ("Selu", "HardSwish"),
        "neither twice differentiable nor piecewise linear; train with gelu, silu, mish or relu",
    ),
    **dict.fromkeys(("Elu", "Celu", "Softsign"), BENT_AT_ZERO),
    **dict.fromkeys(
        ("Sin", "Cos", "Atan", "Sqrt"), "is not among the activations that are read; train with gelu, silu or mish"
    ),
    **dict.fromkeys(
        ("LayerNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization", "RMSNormalization", "LRN",
         "MeanVarianceNormalization", "LpPool", "GlobalLpPool", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceProd"),
        "with statistics of the point itself; train with batch norm, or without it",
    ),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "recurrent, with products of computed values"),
    **dict.fromkeys(
        ("Round", "Floor", "Ceil", "ArgMax", "ArgMin", "TopK", "OneHot", "NonZero", "Hardmax"),
        "a step; export the scores before it",
    ),
}  # fmt: skip
