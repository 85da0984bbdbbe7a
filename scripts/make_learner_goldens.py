"""Writes Tests/LearnersTests/Fixtures/learner-goldens.json: what learners must answer, record by record.

    python scripts/make_learner_goldens.py

Sources: `perceptron` and the AdaGrad factorization machine: written here from the papers' equations, in double precision;
factorization machines, matrix factorization, Bernoulli naive Bayes, Bayesian linear regression and DBSTREAM: River 0.26.1;
what is drawn at random comes from generators written here again from their papers. Needs numpy and river.
"""

import json
import math
import pathlib

import numpy as np

MASK = (1 << 64) - 1


def splitmix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


class Xoshiro:
    """xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64."""

    def __init__(self, seed):
        self.s = []
        state = seed & MASK
        for _ in range(4):
            state, word = splitmix(state)
            self.s.append(word)

    def next(self):
        s = self.s
        rotate = lambda x, k: ((x << k) | (x >> (64 - k))) & MASK
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53


def latent(seed, place, count, sigma=0.1):
    """Box and Muller 1958, from SplitMix64."""
    state = seed ^ ((place * 0xD1342543DE82EF95) & MASK)
    out = []
    while len(out) < count:
        state, first = splitmix(state)
        state, second = splitmix(state)
        radius = sigma * math.sqrt(-2 * math.log(1 - (first >> 11) * 2.0**-53))
        angle = 2 * math.pi * ((second >> 11) * 2.0**-53)
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array(out[:count], dtype=np.float32).astype(float)


# ---------------------------------------------------------------- the data

ROWS = 160
SEED = 7


def table():
    """Three numbers, two categories; classes and a number that follow from them."""
    draw = Xoshiro(11)
    rows, classes, targets = [], [], []
    for _ in range(ROWS):
        a, b, c = (round(draw.uniform() * 4 - 2, 4) for _ in range(3))
        d, e = draw.next() % 3, draw.next() % 9
        rows.append([a, b, c, float(d), float(e)])
        classes.append(int(a + b * c + (d == 1) > 0) + int(e > 6))
        targets.append(round(3 * a - b + 2 * (d == 1) + 10 + 0.3 * draw.uniform(), 4))
    return rows, classes, targets


# ---------------------------------------------------------------- perceptron


class Network:
    def __init__(self, task, outputs, hidden, relu, rate, dropout, embedding, frozen, freeze_after):
        self.task, self.relu, self.rate, self.dropout = task, relu, rate, dropout
        self.embedding, self.frozen, self.freeze_after = embedding, frozen, freeze_after
        self.step = self.records = 0
        self.tables = [np.zeros((16, embedding)) for _ in range(2)]
        self.table_moments = [[np.zeros((16, embedding)) for _ in range(2)] for _ in range(2)]
        self.layers = []
        inputs = 3 + 2 * embedding
        for index, units in enumerate(hidden + [outputs]):
            last = index == len(hidden)
            # A layer that grows with the classes does not know how many there will be.
            by_inputs = task == "multiclass" if last else relu
            reach = math.sqrt(6 / (inputs if by_inputs else inputs + units))
            weights = np.zeros((units, inputs + 1))
            for row in range(units):
                draw = Xoshiro((SEED + (index << 32) + row) & MASK)
                weights[row, :inputs] = [(2 * draw.uniform() - 1) * reach for _ in range(inputs)]
            self.layers.append(weights)
            inputs = units
        self.moments = [[np.zeros_like(w) for _ in range(2)] for w in self.layers]
        self.draw = Xoshiro(SEED ^ 0xD20F)
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def inputs(self, rows):
        return np.array(
            [r[:3] + [v for f in range(2) for v in self.tables[f][int(r[3 + f])]] for r in rows]
        )

    def forward(self, rows, masks=None):
        flows = [self.inputs(rows)]
        for index, weights in enumerate(self.layers):
            x = np.hstack([flows[-1], np.ones((len(rows), 1))]) @ weights.T
            if index < len(self.layers) - 1:
                x = np.maximum(x, 0) if self.relu else np.tanh(x)
                if masks:
                    x = x * masks[index]
            flows.append(x)
        return flows

    def probabilities(self, z):
        if self.task == "binary":
            return 1 / (1 + np.exp(-z))
        if self.task == "multiclass":
            e = np.exp(z - z.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        deviation = math.sqrt(self.squares / self.count) if self.count > 1 else 1
        return self.mean + deviation * z

    def masks(self, rows):
        sizes = [w.shape[0] for w in self.layers[:-1]]
        masks = [np.zeros((rows, n)) for n in sizes]
        for row in range(rows):
            bits = left = 0
            for layer, n in enumerate(sizes):
                for unit in range(n):
                    if left == 0:
                        bits, left = self.draw.next(), 4
                    masks[layer][row, unit] = 0 if bits & 0xFFFF < int(self.dropout * 65536) else 1 / (1 - self.dropout)
                    bits >>= 16
                    left -= 1
        return masks

    def adam(self, w, moments, g):
        moments[0][...] = 0.9 * moments[0] + 0.1 * g
        moments[1][...] = 0.999 * moments[1] + 0.001 * g * g
        m, v = moments[0] / (1 - 0.9**self.step), moments[1] / (1 - 0.999**self.step)
        w -= self.rate * m / (np.sqrt(v) + 1e-8)

    def learn(self, rows, classes, targets):
        masks = self.masks(len(rows)) if self.dropout else None
        flows = self.forward(rows, masks)
        z = flows[-1]
        if self.task == "regression":
            for y in targets:
                self.count += 1
                d = y - self.mean
                self.mean += d / self.count
                self.squares += d * (y - self.mean)
            deviation = math.sqrt(self.squares / self.count) if self.count > 1 and self.squares > 0 else 1
            delta = z - ((np.array(targets) - self.mean) / deviation)[:, None]
        else:
            delta = self.probabilities(z)
            if self.task == "binary":
                delta = delta - np.array([min(c, 1) for c in classes])[:, None]
            else:
                delta = delta - np.eye(3)[classes]
        delta = delta / len(rows)
        first = self.frozen if self.records >= self.freeze_after else 0
        self.step += 1
        self.records += len(rows)
        gradients = {}
        for index in range(len(self.layers) - 1, first - 1, -1):
            x = np.hstack([flows[index], np.ones((len(rows), 1))])
            gradients[index] = delta.T @ x
            back = delta @ self.layers[index][:, :-1]
            if index > first:
                units = flows[index]
                if self.relu:
                    back = back * (units > 0)
                else:
                    value = units * (1 - self.dropout)
                    back = back * (1 - value**2)
                if masks:
                    back = back * masks[index - 1]
            delta = back
        for index, gradient in gradients.items():
            self.adam(self.layers[index], self.moments[index], gradient)
        if first == 0:
            for field in range(2):
                codes = [int(r[3 + field]) for r in rows]
                for code in set(codes):
                    g = sum(delta[i, 3 + field * self.embedding :][: self.embedding] for i, c in enumerate(codes) if c == code)
                    self.adam(
                        self.tables[field][code], [m[code] for m in self.table_moments[field]], g
                    )


def perceptron(rows, classes, targets):
    cases = []
    for task, batch, relu, dropout, frozen, after, hidden in [
        ("binary", 1, True, 0, 0, 0, [6, 4]),
        ("binary", 16, False, 0, 0, 0, [5]),
        ("multiclass", 16, True, 0, 0, 0, [6, 4]),
        ("regression", 1, False, 0, 0, 0, [6]),
        ("regression", 32, True, 0.25, 0, 0, [8, 4]),
        ("binary", 16, False, 0.5, 0, 0, [8, 4]),
        ("multiclass", 16, False, 0, 1, 64, [6, 4]),
    ]:
        outputs = 3 if task == "multiclass" else 1
        network = Network(task, outputs, hidden, relu, 0.01, dropout, 2, frozen, after)
        answers = []
        for start in range(0, ROWS, batch):
            part = slice(start, start + batch)
            answers += network.probabilities(network.forward(rows[part])[-1]).flatten().tolist()
            network.learn(rows[part], classes[part], targets[part])
        cases.append(
            {
                "learner": "perceptron", "task": task, "batch": batch, "mean": True, "tolerance": 2e-3,
                "fields": {
                    "hidden": "+".join(map(str, hidden)), "activation": "relu" if relu else "tanh",
                    "learning-rate": "0.01", "dropout": str(dropout), "embedding": "2", "embedding-room": "16",
                    "frozen-layers": str(frozen), "freeze-after": str(after),
                },
                "outputs": answers,
            }
        )
        if batch == 1:
            cases.append(cases[-1] | {"mean": False, "batch": ROWS})
    return cases


# ---------------------------------------------------------------- factorization


class Keyed(dict):
    """Latent vectors that begin by their place when they are learned; nobody's are 0."""

    learning = False

    def __init__(self, make):
        self.make = make

    def __missing__(self, key):
        made = self.make(key)
        if isinstance(made, Keyed) or Keyed.learning:
            self[key] = made
            return made
        return made * 0


def slots_of(row):
    """A row as hashed features: numbers at 0 to 2, categories behind."""
    return [0, 1, 2, 3 + int(row[3]), 6 + int(row[4])], row[:3] + [1.0, 1.0]


def progressive(model, xs, ys, predict, learn):
    answers = []
    for x, y in zip(xs, ys):
        Keyed.learning = False
        answers.append(float(predict(model, x)))
        Keyed.learning = True
        learn(model, x, y)
    return answers


def factorization_machine(rows, classes, targets):
    from river import facto

    cases = []
    xs = [dict(zip(*slots_of(row))) for row in rows]
    for task in ["binary", "regression"]:
        make = facto.FMClassifier if task == "binary" else facto.FMRegressor
        model = make(n_factors=4, l2_weight=0.01, l2_latent=0.02, intercept=0.0)
        model.latents = Keyed(lambda place: latent(SEED, place, 4))
        ys = [min(c, 1) == 1 for c in classes] if task == "binary" else targets
        ask = (lambda m, x: m.predict_proba_one(x)[True]) if task == "binary" else (lambda m, x: m.predict_one(x))
        answers = progressive(model, xs, ys, ask, lambda m, x, y: m.learn_one(x, y))
        cases.append(
            {
                "learner": "factorization-machine", "task": task, "tolerance": 1e-4, "hashed": True, "preset": "river",
                "fields": {"factors": "4", "l2": "0.01", "l2-latent": "0.02"}, "outputs": answers,
            }
        )
    cases.append(
        {
            "learner": "factorization-machine", "task": "binary", "tolerance": 1e-4, "hashed": True,
            "fields": {"factors": "4"}, "outputs": adaptive_machine(xs, [min(c, 1) for c in classes]),
        }
    )
    return cases


def adaptive_machine(xs, ys):
    """AdaGrad with sums that begin at 1, and records of length 1."""
    w, v, gw, gv, bias = {}, {}, {}, {}, [0.0, 0.0]
    answers = []

    def score(x):
        known = [j for j in x if j in v]
        total = sum((v[j] * x[j] for j in known), np.zeros(4))
        pairs = 0.5 * (total @ total - sum((v[j] * x[j]) @ (v[j] * x[j]) for j in known))
        return bias[0] + sum(w[j] * x[j] for j in known) + pairs, total

    for x, y in zip(xs, ys):
        length = math.sqrt(sum(a * a for a in x.values()))
        x = {j: a / length for j, a in x.items()}
        answers.append(1 / (1 + math.exp(-score(x)[0])))
        for j in x:
            if j not in v:
                w[j], v[j], gw[j], gv[j] = 0.0, latent(SEED, j, 4), 1.0, np.ones(4)
        z, total = score(x)
        g = 1 / (1 + math.exp(-z)) - y
        bias[1] += g * g
        bias[0] -= 0.5 * g / math.sqrt(1 + bias[1])
        for j, a in x.items():
            gw[j] += (g * a) ** 2
            w[j] -= 0.5 * g * a / math.sqrt(gw[j])
            pull = g * a * (total - v[j] * a)
            gv[j] += pull**2
            v[j] = v[j] - 0.5 * pull / np.sqrt(gv[j])
    return answers


def field_aware(rows, classes, targets):
    from river import facto

    def place(field, code):
        product = (((field << 32 | code) + 1) * 0x9E3779B97F4A7C15) & MASK
        mixed = ((product ^ (product >> 29)) * 0xBF58476D1CE4E5B9) & MASK
        return 5 + ((mixed >> 32) & 1023)

    slots = lambda row: [0, 1, 2, place(3, int(row[3])), place(4, int(row[4]))]
    xs = [{f"{f}_{s}": value for f, (s, value) in enumerate(zip(slots(row), slots_of(row)[1]))} for row in rows]
    cases = []
    for task in ["binary", "regression"]:
        make = facto.FFMClassifier if task == "binary" else facto.FFMRegressor
        model = make(n_factors=3, l2_weight=0.01, l2_latent=0.02, intercept=0.0)
        inner = lambda j: Keyed(lambda field: latent(SEED, int(j.split("_")[1]) * 5 + int(field), 3))
        model.latents = Keyed(inner)
        ys = [min(c, 1) == 1 for c in classes] if task == "binary" else targets
        ask = (lambda m, x: m.predict_proba_one(x)[True]) if task == "binary" else (lambda m, x: m.predict_one(x))
        answers = progressive(model, xs, ys, ask, lambda m, x, y: m.learn_one(x, y))
        cases.append(
            {
                "learner": "field-aware-factorization-machine", "task": task, "tolerance": 1e-4, "preset": "river",
                "fields": {"factors": "3", "bits": "10", "l2": "0.01", "l2-latent": "0.02"}, "outputs": answers,
            }
        )
    return cases


def matrix_factorization(rows, targets):
    from river import reco

    model = reco.BiasedMF(n_factors=4, l2_bias=0.01, l2_latent=0.02)
    model.u_latents = Keyed(lambda user: latent(SEED, user, 4))
    model.i_latents = Keyed(lambda item: latent(SEED, 64 + item, 4))
    xs = [(int(row[3]), int(row[4])) for row in rows]
    answers = progressive(
        model, xs, targets, lambda m, x: m.predict_one(*x), lambda m, x, y: m.learn_one(*x, y)
    )
    return [
        {
            "learner": "matrix-factorization", "task": "regression", "tolerance": 1e-4, "preset": "river",
            "fields": {
                "user": "d", "item": "e", "factors": "4", "room": "64", "l2-bias": "0.01", "l2-latent": "0.02",
            },
            "outputs": answers,
        }
    ]


# ---------------------------------------------------------------- Bayes


def bernoulli(rows, classes):
    from river import naive_bayes

    cases = []
    for task, alpha in [("binary", 1), ("multiclass", 0.3)]:
        model = naive_bayes.BernoulliNB(alpha=alpha)
        answers = []
        for row, label in zip(rows, classes):
            label = min(label, 1) if task == "binary" else label
            x = {j: v for j, v in zip(*slots_of(row)) if v > -1}
            shares = model.predict_proba_one(x) if model.class_counts else {}
            count = 2 if task == "binary" else 3
            shares = [shares.get(c, 0.0 if model.class_counts else 1 / count) for c in range(count)]
            answers += shares[1:2] if task == "binary" else shares
            model.learn_one(x, label)
        cases.append(
            {
                "learner": "bernoulli-naive-bayes", "task": task, "tolerance": 1e-9, "hashed": True, "above": -1,
                "fields": {"alpha": str(alpha)}, "outputs": answers,
            }
        )
    return cases


def bayesian_regression(rows, targets):
    from river import linear_model

    model = linear_model.BayesianLinearRegression(alpha=0.5, beta=2)
    answers = []
    for row, y in zip(rows, targets):
        x = {j: v for j, v in zip(*slots_of(row))}
        answers.append(float(model.predict_one(x)) if answers else 0.0)
        model.learn_one(x, y)
    return [
        {
            "learner": "bayesian-linear-regression", "task": "regression", "tolerance": 1e-7, "preset": "river",
            "fields": {"alpha": "0.5", "beta": "2"}, "outputs": answers,
        }
    ]


def micro_clusters(rows):
    """Centre and weight of each micro-cluster, the oldest first."""
    from river import cluster

    model = cluster.DBSTREAM(clustering_threshold=0.9, fading_factor=0.02, cleanup_interval=10)
    for row in rows:
        model.learn_one(dict(enumerate(row[:3])))
    return [[c.center[0], c.center[1], c.center[2], c.weight] for c in model.micro_clusters.values()]


def main():
    rows, classes, targets = table()
    cases = perceptron(rows, classes, targets) + factorization_machine(rows, classes, targets)
    cases += field_aware(rows, classes, targets) + matrix_factorization(rows, targets)
    cases += bernoulli(rows, classes) + bayesian_regression(rows, targets)
    for case in cases:
        case["outputs"] = [float(f"{value:.9g}") for value in case["outputs"]]
    path = pathlib.Path(__file__).parent.parent / "Tests/LearnersTests/Fixtures/learner-goldens.json"
    goldens = {"rows": rows, "classes": classes, "targets": targets, "cases": cases}
    path.write_text(json.dumps(goldens | {"microClusters": micro_clusters(rows)}) + "\n")


if __name__ == "__main__":
    main()
