"""The next second, told by the model and by the level of the last seconds together; whoever was nearer lately counts
for more. src/forecast/next_second.cpp is the same. All is in logarithms of a rate + 1, for all sales at once.
"""

import numpy as np

import model

# Of the normal distribution, in standard deviations, at each level.
NORMAL = np.array([-1.6449, -1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816, 1.6449])
MIDDLE = model.LEVELS.index(0.5)

DRIFT_START, DRIFT_LEAST = 0.05, 0.0002  # variance of the level from one second to the next
DRIFT_GAIN = 0.1
OUTLIER = 9         # a surprise counts for at most so many variances
FOLLOW_LEAST = 0.2  # of a surprise moves the level
LOCAL_FROM_S = 3    # before that, the model is alone
LOSSES_KEPT = 0.93  # from one second to the next
HANDICAP = 1.5      # the level begins as if it had been so many times as bad as the model
TRUST = 3           # one that was half as bad as the other counts for 2 ** TRUST times as much


class LocalLevel:
    """The level as a walk that is seen through the noise of counting."""

    def __init__(self):
        self.level, self.drift = None, None

    def take(self, count):
        seen = np.log1p(count)
        if self.level is None:
            self.level, self.drift = seen, np.full(len(seen), DRIFT_START)
            return
        noise = np.exp(-self.level)
        surprise = seen - self.level
        excess = np.minimum(surprise ** 2, OUTLIER * (self.drift + noise)) - noise
        self.drift = np.maximum(DRIFT_LEAST, self.drift + DRIFT_GAIN * (excess - self.drift))
        self.level = self.level + np.maximum(FOLLOW_LEAST, self.drift / (self.drift + noise)) * surprise

    def tell(self):
        """[sale, level]"""
        spread = np.sqrt(self.drift + np.exp(-self.level))
        return np.maximum(0, self.level[:, None] + spread[:, None] * NORMAL)


class NextSecond:
    def __init__(self, sales):
        self.local = LocalLevel()
        self.losses = [np.full(sales, 1.0), np.full(sales, HANDICAP)]
        self.told = None  # by each of both, as rates

    def take(self, count):
        if self.told is not None:
            size = 1 + count + self.told[0][:, MIDDLE]
            for i, told in enumerate(self.told):
                self.losses[i] = self.losses[i] * LOSSES_KEPT + _loss(told, count) / size
        self.local.take(count)

    def tell(self, said, elapsed):
        """`said` [sale, level] by the model."""
        if elapsed < LOCAL_FROM_S:
            return said
        local = self.local.tell()
        self.told = (np.expm1(said), np.expm1(local))
        weight = 1 / (1 + (self.losses[0] / self.losses[1]) ** TRUST)[:, None]
        return weight * said + (1 - weight) * local


def _loss(rates, truth):
    """Twice the pinball loss, on average over the levels."""
    gap = truth[:, None] - rates
    levels = np.array(model.LEVELS)
    return 2 * np.maximum(levels * gap, (levels - 1) * gap).mean(axis=1)
