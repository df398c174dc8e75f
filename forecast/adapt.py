"""Adaptive conformal intervals: while a sale runs, what came is held against what was said of it, and a side of the
interval that is missed too often is moved out, one that is hardly ever missed is moved in. So a crowd that is unlike
all that the model has learnt from gets wide intervals instead of wrong ones. src/forecast/adaptation.cpp is the same.
"""

import numpy as np

import features
import model

RESOLVED_AFTER_S = (1, 10, 60, 60)  # of each target
GAIN = (0.08, 0.04, 0.02, 0.02)     # a miss moves its side by so much, in logarithms of the distance from the median
SHARED = 0.5                        # of that moves the same side of the targets of longer horizons
LEAST, MOST = -0.5, 2.5             # of a side
ROUNDING = 1e-6                     # of a rate: nothing came, and nothing was said to come
MISS = 0.1                          # of each side, that is meant


def adapt(said, truth):
    """`said` [sale, second, target, level] for every second from the opening on, `truth` [sale, second, target]."""
    middle, low, high = (model.LEVELS.index(level) for level in (0.5, 0.1, 0.9))
    logs = np.log1p(said)
    out = np.empty_like(said)
    sides = np.zeros((len(said), len(features.TARGETS), 2))
    for second in range(said.shape[1]):
        for target, after in enumerate(RESOLVED_AFTER_S):
            made = second - after
            if made < 0:
                continue
            came = truth[:, made, target]
            misses = np.stack([came < out[:, made, target, low] - ROUNDING,
                               came > out[:, made, target, high] + ROUNDING], axis=1) - MISS
            sides[:, target] += GAIN[target] * misses
            longer = [other for other in range(target + 1, len(RESOLVED_AFTER_S)) if RESOLVED_AFTER_S[other] > after]
            for other in longer:
                sides[:, other] += SHARED * GAIN[target] * misses
            sides = np.clip(sides, LEAST, MOST)
        m = logs[:, second, :, [middle]].transpose(1, 2, 0)
        away = logs[:, second] - m
        stretch = np.where(away < 0, np.exp(sides[:, :, :1]), np.exp(sides[:, :, 1:]))
        out[:, second] = np.maximum(0, np.expm1(m + away * stretch))
    return out
