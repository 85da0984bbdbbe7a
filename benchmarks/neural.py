"""The perceptron against scikit-learn's (partial_fit, one batch after the other): user CPU of
whole processes over the same file, from raw text to metrics, each on one core, and whether the answers are as good.

    python benchmarks/neural.py [--thalweg PATH] [--records N] [--rounds N]

39 numbers, hidden layers of 64 and 32, batches of 256. Needs numpy, pandas and scikit-learn. Exits with 1 when an answer is
worse than scikit-learn's.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile

FIELDS = 39
BATCH = 256


def write(path, records):
    """A linear rule with one interaction, and noise."""
    draw = random.Random(3)
    weights = [draw.gauss(0, 1) for _ in range(FIELDS)]
    with open(path, "w") as file:
        file.write(",".join(f"x{index}" for index in range(FIELDS)) + ",y\n")
        for _ in range(records):
            x = [draw.random() for _ in range(FIELDS)]
            score = sum(w * (v - 0.5) for w, v in zip(weights, x)) + 12 * (x[0] - 0.5) * (x[1] - 0.5)
            label = "yes" if score + draw.gauss(0, 0.3) > 0 else "no"
            file.write(",".join(f"{v:.4f}" for v in x) + f",{label}\n")


def scikit_learn(path):
    """Test-then-train by batches, with a running standardization."""
    import numpy as np
    import pandas as pd
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    model = MLPClassifier((64, 32), learning_rate_init=0.003, alpha=0, batch_size=BATCH, random_state=1)
    scaler = StandardScaler()
    answers, truth = [], []
    for part in pd.read_csv(path, chunksize=BATCH):
        y = (part.pop("y") == "yes").to_numpy().astype(int)
        x = part.to_numpy()
        answers.append(model.predict_proba(scaler.transform(x))[:, 1] if truth else np.full(len(y), 0.5))
        truth.append(y)
        model.partial_fit(scaler.partial_fit(x).transform(x), y, classes=[0, 1])
    return log_loss(np.concatenate(truth), np.concatenate(answers))


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    output = subprocess.run(
        ["taskset", "-c", "0"] + command, check=True, capture_output=True, text=True, env=os.environ | single
    ).stdout
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, output.strip().splitlines()[-1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--thalweg", default=".build/release/thalweg")
    options.add_argument("--records", type=int, default=300_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--peer", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.peer:
        print(scikit_learn(given.peer))
        return 0
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/records.csv"
        write(path, given.records)
        ours = f"{given.thalweg} evaluate --input {path} --target y --learner perceptron --batch-mode mean --json"
        ours = ours.split() + ["--progress", "none", "--batch-size", str(BATCH)]
        theirs = [sys.executable, __file__, "--peer", path]
        times = [(timed(ours), timed(theirs)) for _ in range(given.rounds)]
        fast = statistics.median(ours[0] for ours, _ in times)
        slow = statistics.median(theirs[0] for _, theirs in times)
        mine, other = json.loads(times[0][0][1])["metrics"]["log_loss"], float(times[0][1][1])
        print(
            f"perceptron 39-64-32-1: {given.records / fast:,.0f} records/s, scikit-learn {given.records / slow:,.0f}: "
            f"{slow / fast:.1f}x; log loss {mine:.4f} (scikit-learn {other:.4f})"
        )
        return int(mine > other + 0.002)


if __name__ == "__main__":
    sys.exit(main())
