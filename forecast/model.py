"""Quantiles of each target by a small network: one hidden layer and a straight way past it, so that it can be no worse
than a linear quantile regression. Fitted to the pinball loss of all quantiles at once.
"""

import json

import numpy as np
from scipy.optimize import minimize

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SMOOTHING = 0.02  # of the pinball loss's kink, in logarithms of a rate
VERSION = 1


class Model:
    def __init__(self, weights, centre, spread, stretch):
        self.hidden, self.hidden_bias, self.out, self.straight, self.bias = weights
        self.centre, self.spread = centre, spread
        self.stretch = stretch  # [target, level]: how much further from the median, by calibration

    def quantiles(self, features, levels):
        """[row, target, level] as rates, each row rising."""
        x = np.clip((features - self.centre) / self.spread, -5, 5)
        y = np.tanh(x @ self.hidden + self.hidden_bias) @ self.out + x @ self.straight + self.bias
        y = np.sort(y.reshape(len(x), -1, len(LEVELS)), axis=2)
        middle = y[:, :, [LEVELS.index(0.5)]]
        y = np.sort(middle + (y - middle) * self.stretch, axis=2)
        return np.maximum(0, np.exp(np.clip(y, -30, 30)) * levels[:, None, None] - 1)

    def as_json(self, names, targets, seed):
        def rounded(values):
            return [[float(f"{v:.5g}") for v in row] for row in np.atleast_2d(values)]

        return json.dumps({"version": VERSION, "seed": seed, "features": list(names), "targets": list(targets),
                           "levels": list(LEVELS), "centre": rounded(self.centre)[0],
                           "spread": rounded(self.spread)[0], "hidden": rounded(self.hidden.T),
                           "hidden_bias": rounded(self.hidden_bias)[0], "out": rounded(self.out.T),
                           "straight": rounded(self.straight.T), "bias": rounded(self.bias)[0],
                           "stretch": rounded(self.stretch)}, separators=(",", ":"))


def from_json(text):
    raw = json.loads(text)
    weights = (np.array(raw["hidden"]).T, np.array(raw["hidden_bias"]), np.array(raw["out"]).T,
               np.array(raw["straight"]).T, np.array(raw["bias"]))
    return Model(weights, np.array(raw["centre"]), np.array(raw["spread"]), np.array(raw["stretch"]))


def fit(features, truth, weight, hidden, decay, seed, steps):
    """`truth` [row, target] in logarithms relative to the level; `weight` [row]: how much a row counts."""
    chance = np.random.default_rng(seed)
    centre, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 0.05)
    x = np.clip((features - centre) / spread, -5, 5)
    outputs = truth.shape[1] * len(LEVELS)
    shapes = [(x.shape[1], hidden), (hidden,), (hidden, outputs), (x.shape[1], outputs), (outputs,)]
    sizes = np.cumsum([0] + [int(np.prod(shape)) for shape in shapes])
    start = np.zeros(sizes[-1])
    start[:sizes[1]] = chance.normal(0, 0.5 / np.sqrt(x.shape[1]), sizes[1])
    start[sizes[2]:sizes[3]] = chance.normal(0, 0.1 / np.sqrt(hidden), sizes[3] - sizes[2])
    start[sizes[4]:] = np.quantile(truth, LEVELS, axis=0).T.ravel()
    level = np.tile(LEVELS, truth.shape[1])
    wanted = np.repeat(truth, len(LEVELS), axis=1)
    weight = (weight / weight.sum())[:, None]

    def split(flat):
        return [flat[a:b].reshape(shape) for a, b, shape in zip(sizes, sizes[1:], shapes)]

    def loss(flat):
        w1, b1, w2, straight, bias = split(flat)
        h = np.tanh(x @ w1 + b1)
        gap = wanted - (h @ w2 + x @ straight + bias)
        # |gap| as a smooth function: its gradient is what L-BFGS needs.
        size = np.sqrt(gap * gap + SMOOTHING * SMOOTHING)
        value = float((weight * (0.5 * size + (level - 0.5) * gap)).sum())
        slope = -weight * (0.5 * gap / size + (level - 0.5))
        back = (slope @ w2.T) * (1 - h * h)
        gradient = [x.T @ back + 2 * decay * w1, back.sum(axis=0), h.T @ slope + 2 * decay * w2,
                    x.T @ slope + 2 * decay * straight, slope.sum(axis=0)]
        value += decay * float((w1 ** 2).sum() + (w2 ** 2).sum() + (straight ** 2).sum())
        return value, np.concatenate([part.ravel() for part in gradient])

    done = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 20})
    return Model(split(done.x), centre, spread, np.ones((truth.shape[1], len(LEVELS))))


def calibrate(model, features, levels, truth):
    """Conformal: on sales that were not fitted to, each level is moved so far from the median that its share of them
    lies below. In logarithms relative to the level, as the network speaks."""
    said = np.log((model.quantiles(features, levels) + 1) / levels[:, None, None])
    middle = said[:, :, [LEVELS.index(0.5)]]
    for target in range(truth.shape[1]):
        for i, level in enumerate(LEVELS):
            reach = said[:, target, i] - middle[:, target, 0]
            usable = np.abs(reach) > 1e-6
            if level == 0.5 or not usable.any():
                continue
            ratio = (truth[usable, target] - middle[usable, target, 0]) / reach[usable]
            share = level if level > 0.5 else 1 - level
            model.stretch[target, i] = max(0.05, np.quantile(ratio, share))


def crps(quantiles, truth):
    """Of quantiles [row, level] and truths [row]: twice the pinball loss, over all levels by the trapezoidal rule."""
    gap = truth[:, None] - quantiles
    loss = 2 * np.maximum(np.array(LEVELS) * gap, (np.array(LEVELS) - 1) * gap)
    at = np.concatenate([[0], LEVELS, [1]])
    loss = np.concatenate([loss[:, :1], loss, loss[:, -1:]], axis=1)
    return ((loss[:, 1:] + loss[:, :-1]) / 2 * np.diff(at)).sum(axis=1)
