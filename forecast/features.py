"""What the forecast looks at, second by second, and what it is to say. src/forecast/arrival_history.cpp has the same
in C++; tests/unit/forecast_test.cpp holds both against each other by saved numbers.
"""

import numpy as np

HORIZONS_S = (1, 10, 60)
TARGETS = ("rate_1s", "rate_10s", "rate_60s", "peak_60s")  # arrivals a second
LAST_S = 240  # the last second at which the longest horizon still lies within the curve
WINDOWS_S = (2, 5, 15, 45)
RECENT_S = 3
NAMES = (["level", "elapsed", "total", "last"] + [f"window_{s}s" for s in WINDOWS_S] +
         ["mean", "peak", "since_peak", "least_10s", "most_10s", "swing", "since_burst", "burst_gap", "burst_phase",
          "has_registrations", "registrations", "to_come", "has_rehearsal"] +
         [f"{of}_{target}" for of in ("by_total", "by_registrations", "by_opening") for target in TARGETS] +
         ["by_recent_1s", "by_recent_10s", "by_recent_60s", "by_recent_peak"])


def targets(arrivals):
    """[sale, elapsed 0..LAST_S, target]: the mean rate of each horizon, and the greatest second of the longest."""
    sums = _sums(arrivals)
    at = np.arange(LAST_S + 1)
    rates = [(sums[:, at + h] - sums[:, at]) / h for h in HORIZONS_S]
    ahead = np.lib.stride_tricks.sliding_window_view(arrivals, HORIZONS_S[-1], axis=1)[:, at]
    return np.stack(rates + [ahead.max(axis=2)], axis=2)


def _sums(arrivals):
    return np.concatenate([np.zeros((len(arrivals), 1)), np.cumsum(arrivals, axis=1)], axis=1)


class _Running:
    """What is kept of a sale from one second to the next, for all sales at once."""

    def __init__(self, sales):
        self.windows = np.zeros((len(WINDOWS_S), sales))
        self.peak = np.zeros(sales)
        self.peak_at = np.zeros(sales)
        self.swing = np.zeros(sales)
        self.burst_at = np.full(sales, -1.0)
        self.burst_gap = np.zeros(sales)

    def take(self, elapsed, count, before):
        """The second that ends at `elapsed`; `before` is the one in front of it."""
        # A second that is far above what was usual, and is not in the middle of a burst.
        usual = self.window(2, elapsed - 1)
        burst = (count > 2 * usual + 10) & (elapsed > RECENT_S) & (elapsed - self.burst_at > 3)
        self.burst_gap = np.where(burst & (self.burst_at >= 0), elapsed - self.burst_at, self.burst_gap)
        self.burst_at = np.where(burst, elapsed, self.burst_at)
        for i, window in enumerate(WINDOWS_S):
            self.windows[i] += (count - self.windows[i]) / window
        self.swing += (np.abs(count - before) - self.swing) / 10
        self.peak_at = np.where(count > self.peak, elapsed, self.peak_at)
        self.peak = np.maximum(self.peak, count)

    def window(self, i, elapsed):
        """Without what the beginning at 0 weighs."""
        return self.windows[i] / (1 - (1 - 1 / WINDOWS_S[i]) ** elapsed) if elapsed > 0 else self.windows[i]


def recent(sums, elapsed):
    """The mean rate of the last seconds: what all rates are told relative to."""
    span = min(elapsed, RECENT_S)
    return (sums[:, elapsed] - sums[:, elapsed - span]) / span if span else np.zeros(len(sums))


def extract(crowds):
    """(features [sale, elapsed, feature], level [sale, elapsed]): a rate r is to be told as log((r + 1) / level)."""
    sales = len(crowds)
    sums, rehearsed = _sums(crowds.arrivals), _sums(crowds.rehearsal)
    ahead = targets(crowds.rehearsal)
    out = np.zeros((sales, LAST_S + 1, len(NAMES)))
    levels = np.zeros((sales, LAST_S + 1))
    running = _Running(sales)
    for elapsed in range(LAST_S + 1):
        if elapsed > 0:
            count = crowds.arrivals[:, elapsed - 1]
            running.take(elapsed, count, crowds.arrivals[:, elapsed - 2] if elapsed > 1 else count)
        level = recent(sums, elapsed) + 1
        levels[:, elapsed] = level
        columns = (_of_the_sale(crowds.arrivals, sums, running, level, elapsed) +
                   _of_registrations(crowds, sums, elapsed) +
                   _of_the_rehearsal(crowds, sums, rehearsed, ahead[:, elapsed], level, elapsed))
        out[:, elapsed] = np.stack(columns, axis=1)
    return out, levels


def _of_the_sale(arrivals, sums, running, level, elapsed):
    def relative(rate):
        return np.log((rate + 1) / level)

    total = sums[:, elapsed]
    last = arrivals[:, max(0, elapsed - 1)] * (elapsed > 0)
    newest = arrivals[:, max(0, elapsed - 10):elapsed] if elapsed else np.zeros((len(sums), 1))
    has_burst = running.burst_at >= 0
    since_burst = np.where(has_burst, elapsed - running.burst_at, 0)
    phase = np.where(running.burst_gap > 0, since_burst / np.maximum(running.burst_gap, 1), 0)
    return ([np.log(level), np.full(len(sums), np.log1p(elapsed)), np.log1p(total), relative(last)] +
            [relative(running.window(i, elapsed)) for i in range(len(WINDOWS_S))] +
            [relative(total / max(1, elapsed)), relative(running.peak), np.log1p(elapsed - running.peak_at),
             relative(newest.min(axis=1)), relative(newest.max(axis=1)), relative(running.swing),
             np.where(has_burst, np.log1p(since_burst), 5), np.log1p(running.burst_gap), np.minimum(phase, 3)])


def _of_registrations(crowds, sums, elapsed):
    has = crowds.registrations >= 0
    count = np.maximum(crowds.registrations, 0)
    return [has * 1.0, np.where(has, np.log1p(count), 0),
            np.where(has, np.log((count + 1) / (sums[:, elapsed] + 1)), 0)]


def _of_the_rehearsal(crowds, sums, rehearsed, ahead, level, elapsed):
    """Its rates ahead, scaled by all arrivals so far, by registrations, by the opening, and by the last seconds."""
    opening = min(elapsed, RECENT_S)
    has = crowds.rehearsed
    registered = has & (crowds.registrations >= 0)
    by_total = (sums[:, elapsed] + 1) / (rehearsed[:, elapsed] + 1)
    by_registrations = (crowds.registrations + 1) / np.maximum(1, crowds.rehearsal_registrations + 1)
    by_opening = (sums[:, opening] + 1) / (rehearsed[:, opening] + 1)
    by_recent = level / (recent(rehearsed, elapsed) + 1)
    columns = [has * 1.0]
    for scale, known in ((by_total, has), (by_registrations, registered), (by_opening, has), (by_recent, has)):
        for i in range(len(TARGETS)):
            columns.append(np.where(known, np.log((ahead[:, i] * scale + 1) / level), 0))
    return columns
