#!/usr/bin/env python3
"""Writes Tests/LearnersTests/Fixtures/wrapper-goldens.json: what River 0.26 and scikit-learn say about samplers, class
weights, conformal intervals and calibration.

    pip install river scikit-learn numpy; python scripts/make_wrapper_goldens.py
"""
import json
import math
import pathlib

import numpy
from river import base, conf, imblearn
from sklearn.isotonic import IsotonicRegression
from sklearn.utils.class_weight import compute_class_weight

MASK = (1 << 64) - 1


class Xoshiro:
    """The engine's generator (Blackman and Vigna 2018, seeded by SplitMix64), with the method that River's samplers call."""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & MASK
            z = seed
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.s.append(z ^ (z >> 31))

    def next(self):
        def rotate(x, k):
            return ((x << k) | (x >> (64 - k))) & MASK

        s = self.s
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        shifted = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        return result

    def random(self):
        return (self.next() >> 11) * 2.0**-53


class Counter(base.Classifier):
    """Counts how often it is asked to learn."""

    def __init__(self):
        self.count = 0

    @property
    def _multiclass(self):
        return True

    def learn_one(self, x, y):
        self.count += 1

    def predict_one(self, x):
        return 0


class UnderSampler(imblearn.RandomUnderSampler):
    """River's, but a record whose class has just become the pivot is learned: there its ratio is 1."""

    def learn_one(self, x, y):
        self._actual_dist[y] += 1
        f, g = self.desired_dist, self._actual_dist
        if y != self._pivot:
            self._pivot = max(g.keys(), key=lambda y: f[y] / g[y])
        else:
            self.classifier.learn_one(x, y)
            return
        ratio = f[y] / (f[self._pivot] / g[self._pivot] * g[y])
        if ratio >= 1 or self._rng.random() < ratio:
            self.classifier.learn_one(x, y)


def samplers(classes):
    shares = {0: 0.5, 1: 0.3, 2: 0.2}
    counts = {}
    for name, make in [
        ("under", lambda c: UnderSampler(c, shares)),
        ("over", lambda c: imblearn.RandomOverSampler(c, shares)),
        ("random", lambda c: imblearn.RandomSampler(c, shares, sampling_rate=0.8)),
    ]:
        counter = Counter()
        sampler = make(counter)
        sampler._rng = Xoshiro(7)
        counts[name] = []
        for y in classes:
            before = counter.count
            sampler.learn_one({}, y)
            counts[name].append(counter.count - before)
    return {"shares": [shares[i] for i in range(3)], "rate": 0.8, "seed": 7, "counts": counts}


def balanced(classes):
    weights = []
    for end in range(1, len(classes) + 1):
        known = numpy.unique(classes[:end])
        weight = compute_class_weight("balanced", classes=known, y=classes[:end])
        weights.append(dict(zip(known.tolist(), weight.tolist()))[classes[end - 1]])
    return weights


class Given(base.Regressor):
    """Predicts what the record says."""

    def learn_one(self, x, y):
        pass

    def predict_one(self, x):
        return x["p"]


def intervals(random):
    predictions = [random.random() * 10 for _ in range(200)]
    targets = [p + (random.random() - 0.3) * (1 + p) for p in predictions]
    model = conf.RegressionJackknife(Given(), confidence_level=0.9, window_size=50)
    ends = []
    for p, y in zip(predictions, targets):
        interval = model.predict_one({"p": p}, with_interval=True)
        ends.append([interval.lower, interval.upper])
        model.learn_one({"p": p}, y)
    return {"predictions": predictions, "targets": targets, "ends": ends}


def platt(random):
    """Online Newton steps written out with matrices (Gupta and Ramdas 2023)."""
    scores, classes, calibrated = [], [], []
    theta, a = numpy.array([1.0, 0.0]), 100 * numpy.eye(2)
    for _ in range(300):
        p = 0.02 + 0.96 * random.random()
        odds = math.log(p / (1 - p))
        y = 1 if random.random() < 1 / (1 + math.exp(-(0.4 * odds - 0.8))) else 0
        x = numpy.array([odds, 1.0])
        q = 1 / (1 + math.exp(-float(theta @ x)))
        scores.append(p)
        classes.append(y)
        calibrated.append(q)
        g = (q - y) * x
        a = a + numpy.outer(g, g)
        theta = theta - numpy.linalg.solve(a, g) / 0.1
    return {"scores": scores, "classes": classes, "calibrated": calibrated, "final": theta.tolist()}


def isotonic(random):
    """scikit-learn's fit of the centres of the bins, each with one record in advance."""
    scores, classes = [], []
    centres = [-8 + 0.25 * (i + 0.5) for i in range(64)]
    weights, hits = [1.0] * 64, [1 / (1 + math.exp(-c)) for c in centres]
    for _ in range(45):
        bin = 16 + int(random.random() * 12) * 3
        y = 1 if random.random() < 0.35 + 0.01 * (bin - 16) else 0
        scores.append(1 / (1 + math.exp(-centres[bin])))
        classes.append(y)
        weights[bin] += 1
        hits[bin] += y
    fit = IsotonicRegression(out_of_bounds="clip").fit(centres, [h / w for h, w in zip(hits, weights)], weights)
    return {
        "scores": scores, "classes": classes,
        "probes": [1 / (1 + math.exp(-c)) for c in centres], "fit": fit.predict(centres).tolist(),
    }


random = Xoshiro(1)
classes = [0, 1, 2] + [0 if u < 0.8 else 1 if u < 0.95 else 2 for u in (random.random() for _ in range(397))]
goldens = {
    "classes": classes, "samplers": samplers(classes), "balanced": balanced(classes), "intervals": intervals(random),
    "platt": platt(random), "isotonic": isotonic(random),
}
path = pathlib.Path(__file__).parent.parent / "Tests/LearnersTests/Fixtures/wrapper-goldens.json"
path.write_text(json.dumps(goldens) + "\n")
