"""While a sale runs, what came is held against what was said. So a crowd that is unlike all that the model has learnt
from is told of by what it does itself, in wide intervals instead of wrong ones. src/forecast/adaptation.cpp has the
same in C++.

1. The next second is told by the level of the last seconds, too (next_second.py).
2. What lies further ahead is moved by what the model's median was off lately.
3. A side of an interval that is missed too often goes out, one that is hardly ever missed comes in. It comes in by a
   share of its distance from the median, and goes out by a distance: a share of an interval that is far too narrow
   would be nothing, and of one that is wide, far too much.

All is in logarithms of a rate + 1, in which crowds of any size err alike.
"""

import numpy as np

import features
import model
from next_second import NORMAL, NextSecond

LOW, MIDDLE, HIGH = (model.LEVELS.index(level) for level in (0.1, 0.5, 0.9))
TARGETS = range(len(features.TARGETS))
NEXT_SECOND = 0
RESOLVED_AFTER_S = (1, 10, 60, 60)  # of each target
ROUNDING = 1e-6                     # of a rate: nothing came, and nothing was said to come

GAIN = (0.08, 0.04, 0.02, 0.02)     # a miss moves its side by so much
SHARED = 0.8                        # of that moves the same side of the targets of longer horizons
LEAST, MOST = -0.5, 2.0             # of a side
OUT_BY = (0.5, 1, 1, 1)             # by which a side of 1 moves the levels 0.1 and 0.9
MISS = 0.1                          # of each side, that is meant

MOVED_BY = (0, 0.5, 0.2, 0.2)       # of what was off at the horizons of 1 and 10 s together
OFF_KEPT = 0.9                      # from one second to the next
OFF_MOST = 1.5                      # in widths of the interval
OFF_WEIGHT = 20                     # seconds in which nothing was off, that it begins with
OFF_WIDTH = 0.05                    # that each interval has more


class Off:
    """What the model's median was off lately, in widths of its interval."""

    def __init__(self, sales):
        self.sum, self.weight = np.zeros(sales), 0.0

    def take(self, said, truth):
        off = (np.log1p(truth) - said[:, MIDDLE]) / _width(said)
        self.sum = self.sum * OFF_KEPT + np.clip(off, -OFF_MOST, OFF_MOST)
        self.weight = self.weight * OFF_KEPT + 1

    def mean(self):
        return self.sum / (self.weight + OFF_WEIGHT)


def _width(said):
    return said[:, HIGH] - said[:, LOW] + OFF_WIDTH


def _learn(sides, told, truth, elapsed):
    """From each forecast that is resolved after so many seconds. Moves `sides` [sale, target, low and high]."""
    for target, after in enumerate(RESOLVED_AFTER_S):
        made = elapsed - after
        if made < 0:
            continue
        came = truth[:, made, target]
        misses = np.stack([came < told[:, made, target, LOW] - ROUNDING,
                           came > told[:, made, target, HIGH] + ROUNDING], axis=1) - MISS
        sides[:, target] += GAIN[target] * misses
        for other in TARGETS[target + 1:]:
            if RESOLVED_AFTER_S[other] > after:
                sides[:, other] += SHARED * GAIN[target] * misses
        np.clip(sides, LEAST, MOST, out=sides)


def _stretch(line, sides, out_by):
    """`line` [sale, level], `sides` [sale, low and high]."""
    middle = line[:, [MIDDLE]]
    away = line - middle
    side = np.where(NORMAL < 0, sides[:, :1], sides[:, 1:])
    return middle + away * np.exp(np.minimum(side, 0)) + out_by * np.maximum(side, 0) * NORMAL / NORMAL[HIGH]


def adapt(said, truth):
    """`said` [sale, second, target, level] for every second from the opening on, `truth` [sale, second, target]."""
    logs = np.log1p(said)
    out = np.empty_like(said)
    sides = np.zeros((len(said), len(TARGETS), 2))
    next_second = NextSecond(len(said))
    off = [Off(len(said)) for _ in range(2)]
    for elapsed in range(said.shape[1]):
        _learn(sides, out, truth, elapsed)
        for target, one in enumerate(off):
            made = elapsed - RESOLVED_AFTER_S[target]
            if made >= 0:
                one.take(logs[:, made, target], truth[:, made, target])
        if elapsed > 0:
            next_second.take(truth[:, elapsed - 1, NEXT_SECOND])
        lines = logs[:, elapsed].copy()
        lines[:, NEXT_SECOND] = next_second.tell(lines[:, NEXT_SECOND], elapsed)
        for target in TARGETS:
            move = MOVED_BY[target] * sum(one.mean() for one in off) * _width(logs[:, elapsed, target])
            line = _stretch(lines[:, target] + move[:, None], sides[:, target], OUT_BY[target])
            out[:, elapsed, target] = np.maximum(0, np.expm1(line))
    return out
