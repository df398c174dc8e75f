"""Fits the forecast and writes src/forecast/coefficients.json, which the server has embedded. Run it by `forecast/fit`.

It sees training and calibration sales alone, never one that forecast/score scores.
"""

import json
import os
import sys

import numpy as np

import adapt
import crowds
import features
import model

PATH = os.path.join(crowds.ROOT, "src", "forecast", "coefficients.json")
VECTORS = os.path.join(crowds.ROOT, "tests", "unit", "forecast_vectors.json")
SEED = 7
SALES_OF_A_SHAPE = 400
CALIBRATION_SALES = 200
MOMENTS = 24  # of each sale that are learnt from: those of the beginning more often
HIDDEN = 20
DECAY = 1e-5
STEPS = 700


def training_rows(drawn, moments, seed):
    """(features, levels, truth, weight) of some moments of each sale, in rows."""
    chance = np.random.default_rng(seed)
    table, levels = features.extract(drawn)
    truth = features.targets(drawn.arrivals)
    sale = np.repeat(np.arange(len(drawn)), moments)
    at = np.floor((features.LAST_S + 1) * chance.random(len(sale)) ** 1.7).astype(int)
    # An error counts for what it is in arrivals, relative to what comes to the sale in a second on average.
    scale = drawn.arrivals.mean(axis=1)[sale]
    size = (levels[sale, at] + truth[sale, at].mean(axis=1)) / (scale + 1)
    return table[sale, at], levels[sale, at], truth[sale, at], np.clip(size, 0.1, 10)


def relative(truth, levels):
    return np.log((truth + 1) / levels[:, None])


def write_vectors(drawn):
    """What the model of the file says of some sales, for the test that holds the C++ against it."""
    with open(PATH, encoding="ascii") as stream:
        fitted = model.from_json(stream.read())
    drawn = drawn.where(np.arange(len(drawn)) % (len(drawn) // 16) == 0)
    table, levels = features.extract(drawn)
    said = fitted.quantiles(table.reshape(-1, table.shape[2]), levels.ravel())
    said = said.reshape(*levels.shape, len(features.TARGETS), len(model.LEVELS))
    adapted = adapt.adapt(said, features.targets(drawn.arrivals))
    vectors = []
    for sale in range(len(drawn)):
        for elapsed in (0, 2, 31, 90):
            vectors.append({
                "arrivals": drawn.arrivals[sale, :elapsed].astype(int).tolist(),
                "registrations": int(drawn.registrations[sale]),
                "rehearsal": drawn.rehearsal[sale, :200].astype(int).tolist() if drawn.rehearsed[sale] else [],
                "rehearsal_registrations": int(drawn.rehearsal_registrations[sale]),
                "quantiles": [[float(f"{value:.9g}") for value in row] for row in said[sale, elapsed]],
                "adapted": [[float(f"{value:.9g}") for value in row] for row in adapted[sale, elapsed]]})
    with open(VECTORS, "w", encoding="ascii") as stream:
        stream.write("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in vectors) + "\n]\n")


def main():
    if sys.argv[1:] == ["--vectors"]:
        write_vectors(crowds.draw(crowds.SHAPES, CALIBRATION_SALES, crowds.CALIBRATION_SEED))
        return
    drawn = crowds.draw(crowds.SHAPES, SALES_OF_A_SHAPE, crowds.TRAINING_SEED)
    table, levels, truth, weight = training_rows(drawn, MOMENTS, SEED)
    print(f"{len(drawn)} sales, {len(table)} moments, {table.shape[1]} features", file=sys.stderr)
    fitted = model.fit(table, relative(truth, levels), weight, HIDDEN, DECAY, SEED, STEPS)
    drawn = crowds.draw(crowds.SHAPES, CALIBRATION_SALES, crowds.CALIBRATION_SEED)
    table, levels, truth, _ = training_rows(drawn, MOMENTS, SEED + 1)
    model.calibrate(fitted, table, levels, relative(truth, levels))
    os.makedirs(os.path.dirname(PATH), exist_ok=True)
    with open(PATH, "w", encoding="ascii") as stream:
        stream.write(fitted.as_json(features.NAMES, features.TARGETS, SEED) + "\n")
    write_vectors(drawn)
    print(f"wrote {os.path.relpath(PATH, crowds.ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
