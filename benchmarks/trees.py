#!/usr/bin/env python3
"""Thalweg's trees beside MOA's: accuracy, user CPU and peak memory of the whole process, alternately, pinned to one core.

Streams come from `thalweg generate` (equal to MOA's to the bit) as ARFF, which both read. Naive Bayes and the Hoeffding tree
must be right on the same share of the records to 0.001 %, the adaptive tree within 0.3 points; forests within 1.5 points (by
seed). Medians over the rounds.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install capymoa
    /tmp/peers/bin/python benchmarks/trees.py [--rounds 3] [--records 100000] [--electricity electricity.csv]

MOA is the jar inside CapyMOA; it needs Java 17. `--electricity` adds the six numbers of New South Wales' prices, as they
are and ten times over.
"""
import argparse
import csv
import glob
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THALWEG = os.environ.get("THALWEG", os.path.join(ROOT, ".build", "release", "thalweg"))
LEARNERS = [
    # name, MOA's, largest difference in points
    ("naive-bayes", "bayes.NaiveBayes", 0.001),
    ("hoeffding-tree", "trees.HoeffdingTree", 0.001),
    ("hoeffding-adaptive-tree", "trees.HoeffdingAdaptiveTree", 0.3),
    ("adaptive-random-forest", "(meta.AdaptiveRandomForest -s 10)", 1.5),
]


def use(command):
    """Runs a command on core 0; returns (user seconds, peak resident MB, output)."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(["taskset", "-c", "0"] + command, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, errors):
            file.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()[-2000:]}")
        return usage.ru_utime, usage.ru_maxrss / 1024, out.read()


def thalweg(path, learner):
    seconds, memory, out = use([THALWEG, "evaluate", "--input", path, "--target", "class", "--learner", learner,
                                "--preset", "moa", "--progress", "none", "--json"])
    return seconds, json.loads(out.strip().splitlines()[-1])["metrics"]["accuracy"] * 100, memory


def moa(jar, path, learner, records):
    task = (f"EvaluateInterleavedTestThenTrain -l {learner} -s (ArffFileStream -f {path}) -i {records} -f {records} "
            f"-q {records}")
    seconds, memory, out = use(["java", "-cp", jar, "moa.DoTask", task])
    rows = [line.split(",") for line in out.splitlines() if line[:1].isdigit()]
    return seconds, float(rows[-1][4]), memory


def electricity(source, path, times):
    names = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
    with open(source) as file:
        rows = [",".join([row[name] for name in names] + [row["class"]]) for row in csv.DictReader(file)]
    with open(path, "w") as file:
        file.write("@relation electricity\n\n" + "".join(f"@attribute {name} numeric\n" for name in names))
        file.write("@attribute class {DOWN,UP}\n\n@data\n")
        for _ in range(times):
            file.write("\n".join(rows) + "\n")
    return len(rows) * times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--electricity")
    options = parser.parse_args()
    jars = glob.glob(os.path.join(sysconfig.get_paths()["purelib"], "capymoa", "jar", "moa.jar"))
    if not jars:
        sys.exit("CapyMOA is not installed beside this Python: pip install capymoa")
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        streams = []
        for name in ["sea", "agrawal", "led", "random-tree", "random-rbf"]:
            path = os.path.join(directory, name + ".arff")
            with open(path, "w") as file:
                subprocess.run([THALWEG, "generate", name, "-n", str(options.records), "--format", "arff"],
                               stdout=file, check=True)
            streams.append((name, path, options.records))
        if options.electricity:
            for times in [1, 10]:
                path = os.path.join(directory, f"electricity-{times}.arff")
                streams.append((f"electricity x {times}", path, electricity(options.electricity, path, times)))
        print(f"{'stream':18} {'learner':24} {'Thalweg':>9} {'MOA':>9} {'CPU':>8} {'MOA':>8} {'ratio':>6} "
              f"{'memory':>8} {'MOA':>8}")
        for stream, path, records in streams:
            for learner, theirs, within in LEARNERS:
                ours, peers = [], []
                for _ in range(options.rounds):
                    ours.append(thalweg(path, learner))
                    peers.append(moa(jars[0], path, theirs, records))
                mine, other = (statistics.median(row[0] for row in rows) for rows in (ours, peers))
                room, theirs_room = (statistics.median(row[2] for row in rows) for rows in (ours, peers))
                distance = peers[0][1] - ours[0][1]
                wrong = distance > within if "forest" in learner else abs(distance) > within
                failed |= wrong
                print(f"{stream:18} {learner:24} {ours[0][1]:9.3f} {peers[0][1]:9.3f} {mine:7.2f}s {other:7.2f}s "
                      f"{other / mine:5.1f}x {room:6.0f}MB {theirs_room:6.0f}MB{'  DIFFERS' if wrong else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
