"""Synthetic sales as `flashsale-load curves` makes them, and what a forecast may know of each.

A sale has its arrivals by second; it may have registrations, and the curve of a rehearsal or of an earlier sale.
"""

import io
import os
import subprocess
from dataclasses import dataclass

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOAD = os.environ.get("FLASHSALE_LOAD_BINARY", os.path.join(ROOT, "build", "release", "flashsale-load"))

SHAPES = ("rush", "self-exciting", "bots", "outage", "even")  # those that are learnt from
UNSEEN_SHAPE = "late-wave"
SECONDS = 300

# Seeds of curves. What is scored shares none with what was learnt from.
TRAINING_SEED, CALIBRATION_SEED, VALIDATION_SEED, HELD_OUT_SEED = 1, 2, 3, 9
REGISTERED_SHARE = 0.7  # of the sales have registrations
REHEARSED_SHARE = 0.75  # have a rehearsal


@dataclass
class Crowds:
    """Rows are sales. A sale without registrations has -1 there, one without rehearsal has False in `rehearsed`."""
    shape: list
    arrivals: np.ndarray                  # [sale, second]
    rehearsal: np.ndarray                 # [sale, second]
    registrations: np.ndarray
    rehearsal_registrations: np.ndarray
    rehearsed: np.ndarray

    def __len__(self):
        return len(self.shape)

    def where(self, chosen):
        return Crowds([name for name, keep in zip(self.shape, chosen) if keep], self.arrivals[chosen],
                      self.rehearsal[chosen], self.registrations[chosen], self.rehearsal_registrations[chosen],
                      self.rehearsed[chosen])


def draw(shapes, sales, seed, beyond=False):
    """So many sales of each shape. `beyond`: of numbers from outside of what is usual."""
    parts = [_draw_shape(shape, sales, seed, beyond) for shape in shapes]
    return Crowds(sum((part.shape for part in parts), []),
                  *(np.concatenate([getattr(part, name) for part in parts])
                    for name in ("arrivals", "rehearsal", "registrations", "rehearsal_registrations", "rehearsed")))


def _draw_shape(shape, sales, seed, beyond):
    text = subprocess.run(
        [LOAD, "curves", "--shape", shape, "--sales", str(sales), "--seed", str(seed), "--seconds", str(SECONDS),
         "--range", "beyond" if beyond else "usual"], check=True, capture_output=True, text=True).stdout
    # sale, shape, kind, registrations, bots, seconds; a rehearsal's row stands in front of its sale's.
    numbers = np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, usecols=range(3, 5 + SECONDS))
    rehearsal, sale = numbers[0::2], numbers[1::2]
    chance = np.random.default_rng([seed, int(beyond), len(shape)])
    registered = chance.random(sales) < REGISTERED_SHARE
    return Crowds([shape] * sales, sale[:, 2:], rehearsal[:, 2:], np.where(registered, sale[:, 0], -1),
                  np.where(registered, rehearsal[:, 0], -1), chance.random(sales) < REHEARSED_SHARE)
