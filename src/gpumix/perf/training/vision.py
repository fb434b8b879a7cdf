"""Training of image models by throughput: convolutional networks and denoisers.

A sample's time on one GPU is its FLOPs over the rate such networks reach plus its activation
traffic over the memory bandwidth; both rates are constants of the class of network.
"""

from __future__ import annotations

from gpumix.values import Values

FORWARD_AND_BACKWARD = 3.0
PASSES_16BIT = 2.0


def sample_time(
    flops_per_pass: Values,
    peak: Values,
    efficiency: Values,
    bytes_per_flop: Values,
    bandwidth: Values,
) -> Values:
    """Seconds of one GPU per training sample.

    t = 3 F / (P e) + F b / B.

    flops_per_pass F, forward of one sample [FLOP]; peak P, dense 16-bit [FLOP/s]; efficiency e
    [-]; bytes_per_flop b, activation traffic of forward and backward per forward FLOP [byte/FLOP];
    bandwidth B [byte/s].
    Source: roofline model, Williams et al. 2009; e and b fitted on MLPerf Training image rows.

    >>> round(1 / sample_time(8.2e9, 312e12, 0.5, 0.04, 1.935e12))
    3056
    """
    return FORWARD_AND_BACKWARD * flops_per_pass / (peak * efficiency) + (
        flops_per_pass * bytes_per_flop / bandwidth
    )


def gradient_time(params: Values, ranks: Values, bandwidth: Values) -> Values:
    """Seconds of the gradient all-reduce of a step: 2 (r - 1) / r x 2 B x params / B.

    params [-]; ranks r [-]; bandwidth of the slowest link [byte/s].

    Source: ring all-reduce,
    Patarasuk and Yuan 2009.
    """
    return 2.0 * (ranks - 1.0) / ranks * PASSES_16BIT * params / bandwidth
