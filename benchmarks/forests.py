#!/usr/bin/env python3
"""Forests: what both cores bring, and what publishing costs while they learn.

    python benchmarks/forests.py [--rounds 5] [--records 100000 | --input electricity.csv] [--trees 100]

Cores: wall time of an adaptive random forest of 10 on RandomRBF with threads=1 against all cores; both must answer alike.
Publication: a forest of `--trees` learns the same stream with and without a service that publishes versions; CPU of
the learning thread goes to learning and to publishing, which takes turns with it, so wall time says what it costs. Medians
over alternating rounds; results say something on an idle machine of two cores only.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THALWEG = os.environ.get("THALWEG", os.path.join(ROOT, ".build", "release", "thalweg"))


def evaluate(path, learner):
    started = time.time()
    done = subprocess.run([THALWEG, "evaluate", "--input", path, "--target", "class", "--learner", learner,
                           "--progress", "none", "--json"], capture_output=True, text=True, check=True)
    return time.time() - started, json.loads(done.stdout.strip().splitlines()[-1])["metrics"]["accuracy"]


def cores(path, rounds):
    rows = []
    for _ in range(rounds):
        one, both = (evaluate(path, f"adaptive-random-forest:threads={threads}") for threads in (1, 0))
        assert one[1] == both[1], "the result depends on the threads"
        rows.append(one[0] / both[0])
    print(f"forest of 10, both cores: {statistics.median(rows):.2f}x one (rounds: {sorted(round(r, 2) for r in rows)})")


def learn(path, records, trees, serves):
    """(wall seconds until all is learned, versions published)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [THALWEG, "run", "--input", path, "--target", "class", "--progress", "none", "--predictions", "none",
               "--learner", f"adaptive-random-forest:models={trees}"]
    started = time.time()
    if not serves:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return time.time() - started, 0
    server = subprocess.Popen(command + ["--http", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        # Asking would cost, too: it has learned everything when it has nothing to do any more.
        used, idle = -1, 0
        while idle < 5:
            time.sleep(0.1)
            with open(f"/proc/{server.pid}/stat") as stat:
                ticks = sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:13])
            idle = idle + 1 if ticks - used <= 1 and ticks > 20 else 0
            used = ticks
        seconds = time.time() - started - 0.1 * idle
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/model", timeout=60) as answer:
            model = json.load(answer)
        assert model["learned"] == records, f"{model['learned']} of {records} learned"
        return seconds, model["sequence"]
    finally:
        server.terminate()
        server.wait()


def publication(path, records, trees, rounds):
    rows = []
    for _ in range(rounds):
        plain = learn(path, records, trees, False)[0]
        served, versions = learn(path, records, trees, True)
        rows.append((served / plain - 1, versions / served))
    cost, rate = (statistics.median(row[index] for row in rows) for index in (0, 1))
    print(f"forest of {trees}, publishing {rate:.1f} versions/s: {cost:+.1%} wall time, {cost / rate * 10:+.1%} at 10/s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--input", help="a file with the target `class`, in place of RandomRBF")
    parser.add_argument("--only", choices=["cores", "publication"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path, records = options.input, options.records
        if path:
            with open(path) as file:
                records = sum(1 for _ in file) - 1
        else:
            path = os.path.join(directory, "stream.csv")
            with open(path, "w") as file:
                subprocess.run([THALWEG, "generate", "random-rbf", "-n", str(records), "--format", "csv"], stdout=file,
                               check=True)
        if options.only in (None, "cores"):
            cores(path, options.rounds)
        if options.only in (None, "publication"):
            publication(path, records, options.trees, options.rounds)


if __name__ == "__main__":
    main()
