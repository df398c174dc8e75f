"""Scores the forecast on sales that it has never seen, against simple ones. Run it by `forecast/score`.

CRPS is told in parts of the sale's mean arrivals a second, so that a big sale counts as much as a small one. The
simple forecasts are points; so that they are not scored for that alone, each is also given the spread that its errors
had in the training sales. Both gains are told, "point / with spread"; the goals are held against the latter.
"""

import sys

import numpy as np

import adapt
import crowds
import features
import fit
import model
import sell_out

SALES_OF_A_SHAPE = 100
MOMENTS = sorted(set(range(0, 11)) | set(range(15, features.LAST_S + 1, 5)))
SELL_OUT_SEED = 5
GOALS = {"last value": 0.30, "shape by registrations": 0.10, "shape by opening": 0.10}


class LastValue:
    name = "last value"

    def points(self, drawn):
        arrivals = np.concatenate([np.zeros((len(drawn), 1)), drawn.arrivals], axis=1)[:, MOMENTS]
        return np.repeat(arrivals[:, :, None], len(features.TARGETS), axis=2)

    def applies(self, drawn):
        # At the opening there is no last value.
        return np.broadcast_to(np.array(MOMENTS) > 0, (len(drawn), len(MOMENTS)))


class RehearsalShape:
    """The last rehearsal's shape, scaled by registrations, by the first three seconds, or by all that came so far,
    which nobody asked for and which is harder to beat."""

    def __init__(self, scaled_by):
        self.scaled_by = scaled_by
        self.name = "shape by " + scaled_by

    def points(self, drawn):
        moments = [3] * len(MOMENTS) if self.scaled_by == "opening" else MOMENTS
        scale = (_sums_at(drawn.arrivals, moments) + 1) / (_sums_at(drawn.rehearsal, moments) + 1)
        if self.scaled_by == "registrations":
            scale = ((drawn.registrations + 1) / np.maximum(1, drawn.rehearsal_registrations + 1))[:, None]
        return features.targets(drawn.rehearsal)[:, MOMENTS] * scale[:, :, None]

    def applies(self, drawn):
        if self.scaled_by != "registrations":
            return drawn.rehearsed[:, None] & (np.array(MOMENTS) >= 3)[None, :]
        known = drawn.rehearsed & (drawn.registrations >= 0)
        return np.broadcast_to(known[:, None], (len(drawn), len(MOMENTS)))


def _sums_at(arrivals, moments):
    return np.concatenate([np.zeros((len(arrivals), 1)), np.cumsum(arrivals, axis=1)], axis=1)[:, moments]


BASELINES = (LastValue(), RehearsalShape("registrations"), RehearsalShape("opening"), RehearsalShape("all so far"))


def spread_of(baseline, drawn):
    """Quantiles of what its errors are, in logarithms, by target."""
    errors = np.log((features.targets(drawn.arrivals)[:, MOMENTS] + 1) / (baseline.points(drawn) + 1))
    return np.quantile(errors[baseline.applies(drawn)], model.LEVELS, axis=0).T


def with_spread(points, spread):
    return np.maximum(0, (points[..., None] + 1) * np.exp(spread) - 1)


def forecast(fitted, drawn):
    table, levels = features.extract(drawn)
    said = fitted.quantiles(table.reshape(-1, table.shape[2]), levels.ravel())
    said = said.reshape(*levels.shape, len(features.TARGETS), len(model.LEVELS))
    return adapt.adapt(said, features.targets(drawn.arrivals))[:, MOMENTS]


def knows_enough(drawn):
    """What the server says nothing about is not scored: see too_little_is_known in src/forecast."""
    sums = _sums_at(drawn.arrivals, MOMENTS)
    has_prior = drawn.rehearsed & (drawn.registrations >= 0)
    return has_prior[:, None] | ((np.array(MOMENTS)[None, :] >= 3) & (sums >= 20))


class Score:
    """Of one forecast over rows [sale, moment, target]."""

    def __init__(self, said, truth, scale):
        flat = said.reshape(-1, len(model.LEVELS))
        self.loss = model.crps(flat, truth.ravel()).reshape(truth.shape) / scale[:, None, None]
        low, high = said[..., model.LEVELS.index(0.1)], said[..., model.LEVELS.index(0.9)]
        self.covered = (truth >= low) & (truth <= high)


def print_set(name, fitted, drawn, baselines):
    truth = features.targets(drawn.arrivals)[:, MOMENTS]
    scale = np.maximum(1, drawn.arrivals.mean(axis=1))
    said = forecast(fitted, drawn)
    ours = Score(said, truth, scale)
    enough = knows_enough(drawn)
    print(f"\n{name}: {len(drawn)} sales, {int(enough.sum())} moments; too little known at {int((~enough).sum())}")
    print(f"  {'':12}{'CRPS':>8}{'covered':>9}" +
          "".join(f"{one.name:>26}" for one, _ in baselines))
    results = {}
    for target, label in list(enumerate(features.TARGETS)) + [(slice(0, 4), "all")]:
        covered = ours.covered[..., target][enough].mean()
        line = f"  {label:12}{ours.loss[..., target][enough].mean():8.3f}{covered:9.1%}"
        for baseline, spread in baselines:
            both = enough & baseline.applies(drawn)
            points = baseline.points(drawn)
            mine = ours.loss[..., target][both].mean()
            point = (np.abs(points - truth) / scale[:, None, None])[..., target][both].mean()
            spread_loss = Score(with_spread(points, spread), truth, scale).loss[..., target][both].mean()
            line += f"{1 - mine / point:17.1%} /{1 - mine / spread_loss:6.1%}"
            results[(label, baseline.name)] = 1 - mine / spread_loss
        results[(label, "covered")] = covered
        print(line)
    moments, covered, near, near_covered, unknown = sell_out.back_test(drawn, said, MOMENTS, enough, SELL_OUT_SEED)
    print(f"  sell-out: covered at {covered / moments:.1%} of {moments} moments, at {near_covered / max(1, near):.1%} "
          f"of {near} with an end in sight; too little known at {unknown}")
    return results


def judge(results):
    print("\nGoals, over all held-out sales and targets:")
    for name, goal in GOALS.items():
        got = results[("all", name)]
        print(f"  CRPS better than {name} by {goal:.0%}: {got:.1%}  {'reached' if got >= goal else 'NOT reached'}")
    got = results[("all", "covered")]
    print(f"  80 % interval covers 75 to 85 %: {got:.1%}  {'reached' if 0.75 <= got <= 0.85 else 'NOT reached'}")


def join(parts):
    return crowds.Crowds(sum((part.shape for part in parts), []),
                         *(np.concatenate([getattr(part, name) for part in parts]) for name in
                           ("arrivals", "rehearsal", "registrations", "rehearsal_registrations", "rehearsed")))


def main():
    with open(fit.PATH, encoding="ascii") as stream:
        fitted = model.from_json(stream.read())
    training = crowds.draw(crowds.SHAPES, 100, crowds.TRAINING_SEED)
    baselines = [(one, spread_of(one, training)) for one in BASELINES]
    if sys.argv[1:] == ["--validation"]:
        # While choosing a model: neither what it was fitted to nor what it is scored with.
        for shape in crowds.SHAPES:
            print_set("validation, " + shape, fitted, crowds.draw([shape], 60, crowds.VALIDATION_SEED), baselines)
        print_set("validation", fitted, crowds.draw(crowds.SHAPES, 60, crowds.VALIDATION_SEED), baselines)
        return
    sets = [(shape, crowds.draw([shape], SALES_OF_A_SHAPE, crowds.HELD_OUT_SEED)) for shape in crowds.SHAPES]
    sets.append(("all of them, numbers beyond what was learnt from",
                 crowds.draw(crowds.SHAPES, SALES_OF_A_SHAPE, crowds.HELD_OUT_SEED, beyond=True)))
    sets.append((crowds.UNSEEN_SHAPE + ", a shape that it has never seen",
                 crowds.draw([crowds.UNSEEN_SHAPE], SALES_OF_A_SHAPE, crowds.HELD_OUT_SEED)))
    for name, drawn in sets:
        print_set(name, fitted, drawn, baselines)
    judge(print_set("all held-out sales", fitted, join([drawn for _, drawn in sets]), baselines))


if __name__ == "__main__":
    main()
