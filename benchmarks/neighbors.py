"""Nearest neighbours and half-space trees against River: user CPU of whole processes over the same file, from raw text to
metrics, and whether the answers are as good.

    python benchmarks/neighbors.py [--thalweg PATH] [--records N] [--rounds N]

Needs river and scikit-learn. Exits with 1 when an answer is worse than River's.
"""

import argparse
import csv
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile

WINDOW = 1000


def write(path, records):
    """Two classes in four numbers, one record in a hundred of neither cloud."""
    draw = random.Random(4)
    with open(path, "w") as file:
        file.write("a,b,c,d,class,odd\n")
        for _ in range(records):
            odd = draw.random() < 0.01
            high = draw.random() < 0.5
            spread = [draw.random() if odd else draw.betavariate(8, 5 if high else 9) for _ in range(4)]
            file.write(",".join(f"{value:.6f}" for value in spread) + f",{'yes' if high else 'no'},{int(odd)}\n")


def records(path):
    with open(path) as file:
        for row in csv.DictReader(file):
            yield {name: float(row[name]) for name in "abcd"}, row


def river_knn(path):
    from river import neighbors, preprocessing

    engine = neighbors.LazySearch(window_size=WINDOW)
    model = preprocessing.StandardScaler() | neighbors.KNNClassifier(5, engine=engine)
    right = count = 0
    for x, row in records(path):
        right += model.predict_one(x) == row["class"]
        model.learn_one(x, row["class"])
        count += 1
    return right / count


def river_trees(path):
    from river import anomaly, preprocessing
    from sklearn.metrics import roc_auc_score

    model = preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=1)
    scores, odd = [], []
    for x, row in records(path):
        scores.append(model.score_one(x))
        model.learn_one(x)
        odd.append(int(row["odd"]))
    return roc_auc_score(odd, scores)


RIVER = {"knn": river_knn, "half-space-trees": river_trees}
METRIC = {"knn": "accuracy", "half-space-trees": "roc_auc"}
TARGET = {"knn": ("class", "odd"), "half-space-trees": ("odd", "class")}
# Of River's accuracy: the order of additions; of its trees: the spread of seeds.
TOLERANCE = {"knn": 0.002, "half-space-trees": 0.03}


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, output.strip().splitlines()[-1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--thalweg", default=".build/release/thalweg")
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--river", choices=RIVER, help=argparse.SUPPRESS)
    options.add_argument("--file", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.river:
        print(RIVER[given.river](given.file))
        return 0
    worse = False
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/records.csv"
        write(path, given.records)
        for learner, metric in METRIC.items():
            target, other = TARGET[learner]
            ours = f"{given.thalweg} evaluate --input {path} --target {target} --ignore {other} --preset river --json"
            ours = ours.split() + ["--progress", "none", "--learner", learner]
            theirs = [sys.executable, __file__, "--river", learner, "--file", path]
            times = [(timed(ours), timed(theirs)) for _ in range(given.rounds)]
            fast = statistics.median(ours[0] for ours, _ in times)
            slow = statistics.median(theirs[0] for _, theirs in times)
            mine, his = json.loads(times[0][0][1])["metrics"][metric], float(times[0][1][1])
            worse |= mine < his - TOLERANCE[learner]
            print(f"{learner}: {fast:.3f} s, River {slow:.2f} s: {slow / fast:.0f}x; {metric} {mine:.4f} (River {his:.4f})")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
