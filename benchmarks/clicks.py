#!/usr/bin/env python3
"""Thalweg beside Vowpal Wabbit and River on a click stream: speed of the whole process and quality, in one run.

Every pair runs alternately, pinned to one core; what counts is the user CPU time of the whole process, from raw file to
metrics (Vowpal Wabbit's and River's: net of Python's start). Ratios are medians over the rounds; answers are checked.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install vowpalwabbit river numpy
    /tmp/peers/bin/python benchmarks/clicks.py --make PATH/make_ctr.py [--rounds 5] [--rows 500000] [--electricity FILE]

`--make` names a script that is called as `make_ctr.py PREFIX ROWS SEED` and writes PREFIX.csv, .jsonl and .vw with the
same records (target `clicked`, or the label in .vw); without it `thalweg generate clicks` makes the stream.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THALWEG = os.path.join(ROOT, ".build", "release", "thalweg")


def child(command, pin=True, **options):
    """Runs a command; returns (user seconds, wall seconds, peak MiB, its output)."""
    prefix = ["taskset", "-c", "0"] if pin else []
    started = time.time()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    process = subprocess.Popen(prefix + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    out, err = process.communicate()
    wall = time.time() - started
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{err[-2000:]}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime - before, wall, out, err


def thalweg(arguments, pin=True):
    user, wall, out, err = child(["/usr/bin/time", "-f", "peak %M", THALWEG, "evaluate", "--progress", "none", "--json"]
                                 + arguments, pin)
    report = json.loads(out.strip().splitlines()[-1])
    peak = int(err.split("peak ")[-1]) / 1024
    return {"user": user, "wall": wall, "loss": report["metrics"]["average_loss"], "records": report["records"],
            "peak": peak - report["model"]["bytes"] / 2**20, "metrics": report["metrics"]}


VW_RUNNER = """
import resource, sys, vowpalwabbit
start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
vw = vowpalwabbit.Workspace(' '.join(sys.argv[1:]) + ' --quiet')
loss = vw.get_sum_loss() / max(1, vw.get_weighted_examples())
vw.finish()
print(loss, resource.getrusage(resource.RUSAGE_SELF).ru_utime - start)
"""


def vw(arguments, pin=True):
    _, wall, out, _ = child([sys.executable, "-c", VW_RUNNER] + arguments, pin)
    loss, user = map(float, out.split())
    return {"user": user, "wall": wall, "loss": loss}


RIVER_RUNNER = """
import csv, json, resource, sys
from river import compose, linear_model, metrics, preprocessing
path, target, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
model = ((compose.SelectType(float) | preprocessing.StandardScaler())
         + (compose.SelectType(str) | preprocessing.OneHotEncoder(drop_zeros=True))) | linear_model.LogisticRegression()
loss = metrics.LogLoss()
count = 0
for row in csv.DictReader(open(path)):
    if count == rows: break
    count += 1
    y = row.pop(target) in ('1', 'UP')
    x = {}
    for key, text in row.items():
        try: x[key] = text if key.startswith('C') else float(text)
        except ValueError: x[key] = text
    loss.update(y, model.predict_proba_one(x))
    model.learn_one(x, y)
print(loss.get(), resource.getrusage(resource.RUSAGE_SELF).ru_utime - start, count)
"""


def river(path, target, rows):
    _, wall, out, _ = child([sys.executable, "-c", RIVER_RUNNER, path, target, str(rows)])
    loss, user, count = map(float, out.split())
    return {"user": user, "wall": wall, "loss": loss, "records": int(count)}


def compare(name, ours, theirs, rounds, by="user", goal=None, tolerance=1e-4):
    """Alternates ours and theirs; prints one line of the table."""
    pairs = []
    for _ in range(rounds):
        a = ours()
        pairs.append((a, theirs()))
    a, b = pairs[-1]
    ratio = statistics.median(y[by] / x[by] for x, y in pairs)
    speed = a["records"] / statistics.median(x[by] for x, _ in pairs)
    better = a["loss"] <= b["loss"] + tolerance
    peak = f"{a['peak']:6.1f}" if "peak" in a else ""
    wanted = f"{goal:.0f}x" if goal else ""
    print(f"{name:52} {ratio:6.2f}x {wanted:>4} {speed / 1e6:7.3f} M/s  {a['loss']:.6f} {b['loss']:.6f} "
          f"{'ok' if better else 'WORSE':5} {peak}", flush=True)
    return better


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--make")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--electricity")
    parser.add_argument("--directory", default="/tmp/thalweg-benchmark")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    prefix = f"{options.directory}/clicks-{options.rows}-{options.seed}"
    target = "clicked" if options.make else "class"
    if not os.path.exists(prefix + ".vw"):
        if options.make:
            subprocess.run([sys.executable, options.make, prefix, str(options.rows), str(options.seed)], check=True)
        else:
            for kind in ["csv", "jsonl", "vw"]:
                with open(f"{prefix}.{kind}", "wb") as out:
                    subprocess.run([THALWEG, "generate", "clicks", "--records", str(options.rows), "--seed",
                                    str(options.seed), "--format", kind], stdout=out, check=True)
    with open(prefix + ".jsonl") as lines, open(prefix + ".vw.jsonl", "w") as out:
        for line in lines:  # Vowpal Wabbit takes the label by this name, as -1 or 1
            out.write(line.replace(f'"{target}":0', '"_label":-1').replace(f'"{target}":1', '"_label":1'))

    text, csv, jsonl = prefix + ".vw", prefix + ".csv", prefix + ".jsonl"
    logistic = ["--loss_function", "logistic"]
    preset = ["--preset", "vw", "--learner", "linear:loss=logistic"]
    vw_text = lambda: vw(["-d", text] + logistic)
    vw_json = lambda: vw(["-d", prefix + ".vw.jsonl", "--json"] + logistic)
    print("user CPU of the whole process on one core; ratio = theirs / ours, above 1 is faster; loss: ours, theirs; "
          "peak: MiB beside the model")
    print(f"{'':52} {'ratio':>7} {'goal':>4} {'ours':>11}  {'loss':8} {'their loss':8}")
    checks = []
    r = options.rounds
    check = lambda *a, **k: checks.append(compare(*a, rounds=r, **k))
    check("VW text, preset vw : VW", lambda: thalweg(["--input", text] + preset), vw_text, goal=3)
    check("VW text, default learner : VW", lambda: thalweg(["--input", text]), vw_text)
    check("JSON Lines, default learner : VW --json",
          lambda: thalweg(["--input", jsonl, "--target", target]), vw_json, goal=3)
    check("JSON Lines, preset vw : VW --json",
          lambda: thalweg(["--input", jsonl, "--target", target] + preset), vw_json, goal=3)
    check("CSV, default learner : VW on text",
          lambda: thalweg(["--input", csv, "--target", target]), vw_text, goal=4)
    check("CSV, preset vw : VW on text",
          lambda: thalweg(["--input", csv, "--target", target] + preset), vw_text, goal=4, tolerance=1e-3)
    check("VW text, 2^24 slots, preset vw : VW -b 24",
          lambda: thalweg(["--input", text, "--bits", "24"] + preset),
          lambda: vw(["-d", text, "-b", "24"] + logistic), goal=3)
    check("CSV, 2^24 slots, default learner : VW -b 24",
          lambda: thalweg(["--input", csv, "--target", target, "--bits", "24"]),
          lambda: vw(["-d", text, "-b", "24"] + logistic), goal=3)
    print("wall time, both cores:")
    check("VW text, preset vw : VW's default, wall", lambda: thalweg(["--input", text] + preset, pin=False),
          lambda: vw(["-d", text] + logistic, pin=False), by="wall", goal=4)
    check("CSV, default learner : VW's default, wall",
          lambda: thalweg(["--input", csv, "--target", target], pin=False),
          lambda: vw(["-d", text] + logistic, pin=False), by="wall", goal=4)
    rows = min(options.rows, 10_000)
    short = f"{options.directory}/short.csv"
    with open(csv) as lines, open(short, "w") as out:
        for _, line in zip(range(rows + 1), lines):
            out.write(line)
    print(f"River (the first {rows} records, its pipeline of scaler, one-hot and logistic regression):")
    check("CSV, default learner : River", lambda: thalweg(["--input", short, "--target", target]),
          lambda: river(short, target, rows), tolerance=0.01)
    if options.electricity:
        check("electricity, default learner : River",
              lambda: thalweg(["--input", options.electricity, "--target", "class"]),
              lambda: river(options.electricity, "class", 1 << 30))
    if not all(checks):
        sys.exit("a loss is worse than the peer's")


main()
