#!/usr/bin/env python3
"""The HTTP service: speed beside Hummingbird's hello world and a Flask + River service, freshness, what serving costs.

    apt install wrk; pip install requests flask waitress river
    swift build -c release --scratch-path /tmp/hello --package-path benchmarks/hello
    python benchmarks/serving.py --hello /tmp/hello/release/hello --csv clicks.csv --jsonl clicks.jsonl [--rounds 5]

`--csv` and `--jsonl` hold the same click records (target `clicked`). Servers take turns in short rounds; ratios are
medians over the rounds. Beside requests a second stands the server's CPU time a request, which says more on a machine
that has other work. Answers are checked before and after. Speed: one record of 39 fields, and one of 5, at 16 and at 64
connections, against a hello world that reads the same body and answers as many bytes; lines of 1,000 records. Latency:
p99 while a stream is learned, against idle. Freshness: how old the version is that answers while a stream is learned at
full speed. Cost: wall time, and CPU of the learning thread, for the same stream without service, with it, and with snapshots every
second (CPU that would have waited for the decoder counts there, though it slows nothing).
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import requests

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THALWEG = os.path.join(ROOT, ".build", "release", "thalweg")
SCRIPT = """
local f = io.open(os.getenv("BODY"), "rb"); wrk.body = f:read("*a"); f:close()
wrk.method = "POST"; wrk.headers["Content-Type"] = os.getenv("TYPE")
local text
init = function(args) text = wrk.format(nil, nil) end
request = function() return text end
"""
FLASK = """
import sys
from flask import Flask, jsonify, request
from river import compose, linear_model, preprocessing
model = ((compose.SelectType(float, int) | preprocessing.StandardScaler())
         + (compose.SelectType(str) | preprocessing.OneHotEncoder())) | linear_model.LogisticRegression()
import json
for line in list(open(sys.argv[2]))[:2000]:
    x = json.loads(line); y = x.pop("clicked") in (1, "1"); model.predict_proba_one(x); model.learn_one(x, y)
app = Flask(__name__)
@app.post("/predict")
def predict(): return jsonify({str(k): v for k, v in model.predict_proba_one(request.get_json()).items()})
import waitress
waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=4)
"""


class Server:
    """A process that listens, and its CPU time."""

    def __init__(self, command, url=None):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.url = url
        while self.url is None:
            line = self.process.stderr.readline()
            if not line:
                sys.exit(f"{command[0]} ended")
            if line.startswith("listening on "):
                self.url = line.split()[-1]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def learning_seconds(self):
        """Of the main thread, which learns."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat") as stat:
            return int(stat.read().split()[0]) / 1e9

    def model(self):
        answer = requests.get(self.url + "/model")
        return answer.json() if answer.status_code == 200 else {"learned": 0}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def serve(*arguments):
    return Server([THALWEG, "run", "--http", "127.0.0.1:0", "--progress", "none", "--predictions", "none",
                   "--target", "clicked", *arguments])


def wrk(server, path, body, connections, seconds=2, kind="application/json"):
    """(requests a second, p99 in ms, CPU microseconds a request)."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in [("post.lua", SCRIPT), ("body", body)]:
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        before = server.seconds()
        out = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", f"{directory}/post.lua",
             server.url + path], capture_output=True, text=True,
            env={**os.environ, "BODY": f"{directory}/body", "TYPE": kind}).stdout
        used = server.seconds() - before
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{server.url}{path}: {out}")
    count = int(re.search(r"(\d+) requests in", out).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out).groups()
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit], used / count * 1e6)


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def speed(options, records):
    server = serve("--input", options.jsonl)
    while server.model()["learned"] < len(records):
        time.sleep(0.2)
    click = dict(records[0])
    del click["clicked"]
    bodies = {"39 fields": click, "5 fields": dict(list(click.items())[:3] + list(click.items())[-2:])}
    flask = None
    if options.flask:
        flask = Server([sys.executable, "-c", FLASK, "18099", options.jsonl], "http://127.0.0.1:18099")
        time.sleep(10)
    for name, record in bodies.items():
        body = json.dumps(record, separators=(",", ":"))
        wanted = requests.post(server.url + "/predict", data=body, headers={"Content-Type": "application/json"})
        hello = Server([options.hello, "18098", str(len(wanted.content))], "http://127.0.0.1:18098")
        time.sleep(0.5)
        for connections in (16, 64):
            pairs = [(wrk(server, "/predict", body, connections), wrk(hello, "/hello", body, connections))
                     for _ in range(options.rounds)]
            ours, theirs = medians([a for a, _ in pairs]), medians([b for _, b in pairs])
            ratio = statistics.median(a[0] / b[0] for a, b in pairs)
            print(f"{name}, {connections} connections: {ours[0]:.0f}/s, p99 {ours[1]:.1f} ms, {ours[2]:.0f} us CPU; "
                  f"hello world {theirs[0]:.0f}/s, {theirs[1]:.1f} ms, {theirs[2]:.0f} us; {ratio:.0%} of its rate, "
                  f"{theirs[2] / ours[2]:.0%} by CPU", flush=True)
            if flask:
                print(f"  Flask + River: {wrk(flask, '/predict', body, connections)[0]:.0f}/s", flush=True)
        again = requests.post(server.url + "/predict", data=body, headers={"Content-Type": "application/json"})
        assert again.content == wanted.content
        hello.stop()
    lines = "".join(json.dumps(record) + "\n" for record in records[:1000])
    rows = [wrk(server, "/predict", lines, 4, kind="application/x-ndjson")[0] * 1000 for _ in range(options.rounds)]
    print(f"lines of 1,000 records: {statistics.median(rows) / 1e3:.0f} k predictions/s", flush=True)
    idle = medians([wrk(server, "/predict", body, 16) for _ in range(options.rounds)])
    server.stop()
    if flask:
        flask.stop()
    busy = serve(*stream(options))
    while busy.model()["learned"] == 0:
        time.sleep(0.05)
    loaded = wrk(busy, "/predict", body, 16, seconds=2)
    assert busy.model()["learned"] < len(records) * options.repeat, "the stream ended too soon: more --repeat"
    busy.stop()
    print(f"p99 idle {idle[1]:.1f} ms, learning {loaded[1]:.1f} ms: {loaded[1] / idle[1]:.1f}x", flush=True)


def stream(options):
    return ["--input", os.path.join(options.directory, "part*.csv")]


def freshness(options, count, bits):
    server = serve(*stream(options), "--bits", str(bits))
    session, ages = requests.Session(), []
    while True:
        answer = session.get(server.url + "/model")
        if answer.status_code == 200 and answer.json()["learned"] > 0:
            model = answer.json()
            if model["learned"] > count * 0.95:
                break
            ages.append(model["age_seconds"] * 1e3)
        time.sleep(0.002)
    server.stop()
    cuts = statistics.quantiles(ages, n=100)
    print(f"2^{bits} slots: version age at a read median {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, "
          f"{len(ages)} reads", flush=True)


def cost(options, count):
    def learn(*arguments):
        """(CPU seconds of the learning thread, wall seconds) until all is learned."""
        started = time.time()
        server = serve(*stream(options), *arguments)
        # Asked seldom: a machine of two cores has none to spare for who asks.
        while server.model()["learned"] < count:
            time.sleep(0.05)
        result = server.learning_seconds(), time.time() - started
        server.stop()
        return result

    def plain():
        started, used = time.time(), 0.0
        process = subprocess.Popen(
            [THALWEG, "run", "--progress", "none", "--predictions", "none", "--target", "clicked", *stream(options)],
            stderr=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/task/{process.pid}/schedstat") as stat:
                    used = int(stat.read().split()[0]) / 1e9
            except OSError:
                break
            time.sleep(0.005)
        process.wait()
        return used, time.time() - started

    rows = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as directory:
            rows.append((plain(), learn(), learn("--snapshots", directory, "--snapshot-every", "1s")))
    for index, name in enumerate(["CPU of the learning thread", "wall time"]):
        published = statistics.median(b[index] / a[index] - 1 for a, b, _ in rows)
        saved = statistics.median(c[index] / b[index] - 1 for _, b, c in rows)
        print(f"{name}: {published:+.1%} by publishing, {saved:+.1%} by snapshots every second", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hello", required=True)
    parser.add_argument("--csv", required=True)
    parser.add_argument("--jsonl", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=6, help="how often the stream reads --csv")
    parser.add_argument("--flask", action="store_true")
    parser.add_argument("--only", choices=["speed", "freshness", "cost"])
    options = parser.parse_args()
    print("load average", *os.getloadavg())
    with tempfile.TemporaryDirectory() as directory, open(options.jsonl) as file:
        options.directory = directory
        for part in range(options.repeat):
            os.symlink(os.path.abspath(options.csv), os.path.join(directory, f"part{part}.csv"))
        records = [json.loads(line) for line in file]
        with open(options.csv) as rows:
            count = (sum(1 for _ in rows) - 1) * options.repeat
        if options.only in (None, "speed"):
            speed(options, records)
        if options.only in (None, "freshness"):
            for bits in (18, 22):
                freshness(options, count, bits)
        if options.only in (None, "cost"):
            cost(options, count)


if __name__ == "__main__":
    main()
