#!/usr/bin/env python3
"""`thalweg profile` beside River's running statistics on the click stream: speed of the whole process, and the figures.

User CPU of the whole process, pinned to one core, medians of the rounds. River does less: count, mean, variance and a
quantile for each number, a count of values for each category. The answers are checked against exact ones, and distinct
counts and quantiles stand beside those of Apache DataSketches where that is installed.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install river datasketches numpy
    /tmp/peers/bin/python benchmarks/profile.py [--data PREFIX] [--rounds 3] [--river 10000]

`--data` names PREFIX.csv and PREFIX.jsonl of 39 fields and a target `clicked`; without it `thalweg generate clicks`
makes 500,000 records.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THALWEG = os.path.join(ROOT, ".build", "release", "thalweg")


def child(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(["taskset", "-c", "0"] + command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, done.stdout


def generate(prefix):
    for suffix in ("csv", "jsonl"):
        child([THALWEG, "generate", "clicks", "--records", "500000", "--format", suffix, "-o", f"{prefix}.{suffix}"])
    return "class"


RIVER = """
import csv, resource, sys
from river import stats
path, limit = sys.argv[1], int(sys.argv[2])
start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
with open(path, newline="") as file:
    fields, n = {}, 0
    for n, record in enumerate(csv.DictReader(file), 1):
        for name, text in record.items():
            try:
                value = float(text)
            except ValueError:
                value = None
            if value is None:
                counts = fields.setdefault(("text", name), {})
                counts[text] = counts.get(text, 0) + 1
            else:
                running = fields.get(name)
                if running is None:
                    running = fields[name] = (stats.Count(), stats.Mean(), stats.Var(), stats.Quantile(0.5))
                for each in running:
                    each.update(value)
        if n == limit:
            break
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_utime - start)
"""


def exact(path):
    """Count, mean and sorted values of the numbers, values of the categories."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        names = next(rows)
        columns = list(zip(*rows))
    return dict(zip(names, columns))


def check(report, columns):
    """The largest errors beside the exact figures, and DataSketches' on the same columns."""
    try:
        import datasketches
    except ImportError:
        datasketches = None
    worst = {"mean": 0.0, "rank": 0.0, "distinct": 0.0, "DataSketches distinct": 0.0}
    for field in report["fields"]:
        values = [value for value in columns[field["name"]] if value]
        assert field["count"] == len(values), field["name"]
        distinct = len(set(map(float, values)) if field["type"] == "number" else set(values))
        worst["distinct"] = max(worst["distinct"], abs(field["distinct"] / distinct - 1))
        if datasketches:
            sketch = datasketches.hll_sketch(12, datasketches.tgt_hll_type.HLL_8)
            for value in values:
                sketch.update(value)
            worst["DataSketches distinct"] = max(
                worst["DataSketches distinct"], abs(sketch.get_estimate() / distinct - 1))
        if field["type"] == "number":
            import bisect
            numbers = sorted(map(float, values))
            mean = sum(numbers) / len(numbers)
            worst["mean"] = max(worst["mean"], abs(field["mean"] - mean) / (abs(mean) or 1))
            for share, value in field["quantiles"].items():
                low = bisect.bisect_left(numbers, value) / len(numbers)
                high = bisect.bisect_right(numbers, value) / len(numbers)
                worst["rank"] = max(worst["rank"], low - float(share), float(share) - high)
    assert worst["mean"] < 1e-9 and worst["rank"] <= report["errors"]["quantile_rank_error"], worst
    assert worst["distinct"] < 4 * report["errors"]["distinct_standard_error"], worst
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--river", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        prefix = arguments.data or os.path.join(directory, "clicks")
        target = "clicked" if arguments.data else generate(prefix)
        rates = {}
        for suffix in ("csv", "jsonl"):
            times = []
            for _ in range(arguments.rounds):
                seconds, out = child([THALWEG, "profile", "--input", f"{prefix}.{suffix}", "--target", target, "--json"])
                report = json.loads(out)
                times.append(seconds)
            rates[suffix] = report["records"] / statistics.median(times)
            print(f"thalweg profile, {suffix}: {rates[suffix]:,.0f} records/s ({report['records']:,} records of "
                  f"{len(report['fields'])} fields, {statistics.median(times):.2f} s user)")
            if suffix == "csv":
                print("largest errors:", {name: float(f"{value:.3g}") for name, value in
                                          check(report, exact(f"{prefix}.csv")).items()})
        _, out = child([sys.executable, "-c", RIVER, f"{prefix}.csv", str(arguments.river)])
        count, seconds = out.split()
        rate = int(count) / float(seconds)
        print(f"River, csv: {rate:,.0f} records/s; thalweg is {rates['csv'] / rate:.0f} times as fast")


if __name__ == "__main__":
    main()
