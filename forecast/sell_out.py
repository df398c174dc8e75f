"""When an item is sold out, from the forecast of arrivals and from how many units they have taken so far: the same as
src/forecast/sell_out.cpp, to score it on sales whose items sell out.
"""

import numpy as np

import features
import model

WINDOW_S = 15
ARRIVALS_MIN, UNITS_EVER_MIN = 5, 3
STANDARD_ERRORS = 1


def simulate(arrivals, seed):
    """(units sold by second, stock) of one item a sale: some share of those who come take one, until all are gone."""
    chance = np.random.default_rng(seed)
    share = chance.uniform(0.4, 0.95, len(arrivals))
    stock = np.maximum(10, (chance.uniform(0.2, 0.8, len(arrivals)) * share * arrivals.sum(axis=1)).astype(int))
    wanted = chance.binomial(arrivals.astype(int), share[:, None])
    sold = np.minimum(np.cumsum(wanted, axis=1), stock[:, None])
    return np.diff(np.concatenate([np.zeros((len(arrivals), 1), int), sold], axis=1), axis=1), stock


def _conversion(arrivals, units, elapsed):
    keep = (1 - 1 / WINDOW_S) ** np.arange(elapsed - 1, -1, -1)
    come, taken = (arrivals[:elapsed] * keep).sum(), (units[:elapsed] * keep).sum()
    if come < ARRIVALS_MIN or units[:elapsed].sum() < UNITS_EVER_MIN or taken <= 0:
        return None
    rate, error = taken / come, np.sqrt(taken) / come
    return [max(rate / 4, rate + errors * error) for errors in (STANDARD_ERRORS, 0, -STANDARD_ERRORS)]


def _time_until(needed, rates):
    at, come = 0.0, 0.0
    for horizon, rate in zip(features.HORIZONS_S, rates):
        by_then = max(come, rate * horizon)
        if by_then >= needed:
            return at + (horizon - at) * (needed - come) / (by_then - come)
        at, come = horizon, by_then
    return np.inf


def _truth(units, elapsed, remaining):
    """Until the last unit is taken, to a part of a second; later than the longest horizon is infinite."""
    ahead = np.cumsum(units[elapsed:elapsed + features.HORIZONS_S[-1]])
    gone = np.nonzero(ahead >= remaining)[0]
    if not len(gone):
        return np.inf
    last = gone[0]
    before = ahead[last - 1] if last else 0
    return last + (remaining - before) / (ahead[last] - before)


def back_test(drawn, said, moments, enough, seed):
    """Counts of (moments, of which the truth lay in the interval, those at which something was sold out within the
    horizon or was said to be, of which covered, moments at which too little was known)."""
    units, stock = simulate(drawn.arrivals, seed)
    levels = [model.LEVELS.index(level) for level in (0.9, 0.1)]
    counts = np.zeros(5, int)
    for sale in range(len(drawn)):
        for place, elapsed in enumerate(moments):
            remaining = stock[sale] - units[sale, :elapsed].sum()
            if remaining <= 0:
                break
            conversion = _conversion(drawn.arrivals[sale], units[sale], elapsed) if enough[sale, place] else None
            if conversion is None:
                counts[4] += 1
                continue
            rates = said[sale, place, :3]
            earliest = _time_until(remaining / conversion[0], rates[:, levels[0]])
            latest = _time_until(remaining / conversion[2], rates[:, levels[1]])
            truth = _truth(units[sale], elapsed, remaining)
            covered = earliest <= truth <= latest
            is_near = np.isfinite(truth) or np.isfinite(earliest)
            counts[:4] += [1, covered, is_near, is_near and covered]
    return counts
