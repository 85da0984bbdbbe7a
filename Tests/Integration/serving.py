"""The HTTP service with independent clients: requests, tritonclient, MLflow's scoring client, prometheus_client, promtool,
schemathesis, slowhttptest (the last three and `mlflow` are skipped where they are not installed).

apt install slowhttptest prometheus
pip install requests 'tritonclient[http]' mlflow-skinny pandas prometheus_client schemathesis
python Tests/Integration/serving.py --thalweg .build/release/thalweg
"""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import requests


class Service:
    """`thalweg run --http` on a free port, in a directory of its own."""

    def __init__(self, thalweg, *arguments, stdin=None):
        self.directory = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [thalweg, "run", "--http", "127.0.0.1:0", "--progress", "none", *arguments],
            cwd=self.directory.name, stderr=subprocess.PIPE, stdin=stdin, text=True)
        self.url = None
        while self.url is None:
            line = self.process.stderr.readline()
            assert line, "it ended before it listened"
            if line.startswith("listening on "):
                self.url = line.split()[-1]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(15)
        self.directory.cleanup()
        assert status == 0, f"exit status {status}"


RECORDS = [{"x": i / 10, "color": "red" if i % 2 else "blue", "y": "yes" if i % 2 else "no"} for i in range(200)]
ARGUMENTS = ["--input", "none", "--target", "y", "--task", "binary", "--positive", "yes"]


def plain(thalweg):
    with Service(thalweg, *ARGUMENTS, "--snapshots", "s") as service:
        session = requests.Session()
        assert session.get(service.url + "/readyz").status_code == 503
        answer = session.post(service.url + "/learn?ack=applied", json=RECORDS)
        assert answer.status_code == 200 and answer.json()["accepted"] == 200, answer.text
        version = answer.json()["version"]
        one = session.post(service.url + "/predict", json={"x": 1.0, "color": "red"}).json()
        assert one["prediction"] == "yes" and one["version"] >= version, one
        lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
        many = session.post(
            service.url + "/predict", data=lines, headers={"Content-Type": "application/x-ndjson"})
        assert len(many.text.splitlines()) == 200
        bad = session.post(service.url + "/learn", json=[RECORDS[0], {"x": 1}])
        assert bad.status_code == 400 and bad.json()["record"] == 1, bad.text
        assert session.post(service.url + "/learn", data=b"x" * (17 << 20)).status_code == 413
        frame = {"dataframe_split": {"columns": ["x", "color"], "data": [[1.0, "red"], [1.0, "blue"]]}}
        bodies = [
            frame, {"dataframe_records": [{"x": 1.0, "color": "red"}, {"x": 1.0, "color": "blue"}]},
            {"instances": [{"x": 1.0, "color": "red"}, {"x": 1.0, "color": "blue"}]},
            {"inputs": {"x": [1.0, 1.0], "color": ["red", "blue"]}},
        ]
        for body in bodies:
            answer = session.post(service.url + "/invocations", json=body)
            assert answer.json()["predictions"] == ["yes", "no"], answer.text
        with session.get(service.url + "/events", stream=True, timeout=5) as events:
            for line in events.iter_lines(decode_unicode=True):
                # The first may be from before the model.
                if line.startswith("data: ") and json.loads(line[6:]).get("version") == 200:
                    break


def everyone(thalweg):
    """What one client has learned changes the predictions of all, on every connection."""
    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS).raise_for_status()
        wrong, rounds, readers = [], 20, 24
        start, end = threading.Barrier(readers + 1), threading.Barrier(readers + 1)
        learned = {"version": 0}

        def read():
            session, last = requests.Session(), None
            for _ in range(rounds):
                start.wait()
                # One is answered on the event loop, an array of many by a route.
                one = session.post(service.url + "/predict", json={"x": 1.0, "color": "red"}).json()
                many = session.post(service.url + "/predict", json=[{"x": 1.0, "color": "red"}] * 800).json()
                if one["probabilities"] == last or {one["version"]} | {row["version"] for row in many} != {
                        learned["version"]}:
                    wrong.append((one, many[0], learned["version"]))
                last = one["probabilities"]
                end.wait()

        threads = [threading.Thread(target=read, daemon=True) for _ in range(readers)]
        for thread in threads:
            thread.start()
        session = requests.Session()
        for _ in range(rounds):
            answer = session.post(
                service.url + "/learn?ack=applied", json={"x": 1.0, "color": "red", "y": "no"}, timeout=10)
            learned["version"] = answer.json()["version"]
            start.wait(30)
            end.wait(30)
        assert not wrong, wrong[:2]
        assert learned["version"] == 200 + rounds


def mlflow(thalweg):
    import pandas
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS).raise_for_status()
        host, port = service.url.removeprefix("http://").split(":")
        client = ScoringServerClient(host, port)
        client.wait_server_ready()
        frame = pandas.DataFrame({"x": [1.0, 1.0], "color": ["red", "blue"]})
        # The client has one of the four bodies; `plain` sends all.
        assert list(client.invoke(frame).get_predictions()[0]) == ["yes", "no"]


def attack(service, seconds, *arguments):
    """A thousand slow connections. Returns the good client's answers and latencies beside it."""
    command = ["slowhttptest", "-c", "1000", "-r", "500", "-l", str(seconds), "-p", "3", "-v", "0", *arguments]
    attacker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    latencies, session = [], requests.Session()
    try:
        while attacker.poll() is None:
            started = time.perf_counter()
            answer = session.post(service.url + "/predict", json={"x": 1.0, "color": "red"}, timeout=5)
            assert answer.status_code == 200 and answer.json()["prediction"] == "yes", answer.text
            latencies.append(time.perf_counter() - started)
            time.sleep(0.005)
            if len(latencies) % 100 == 50:
                # A client that comes only now gets in as well.
                fresh = requests.post(service.url + "/predict", json={"x": 1.0, "color": "red"}, timeout=5)
                assert fresh.json()["prediction"] == "yes"
    finally:
        if attacker.poll() is None:
            attacker.kill()
        attacker.wait()
    return latencies


def slow(thalweg):
    """Clients that dawdle with headers, with bodies, or with reading, and others that do not."""
    limits = ["--request-timeout", "8s", "--idle-timeout", "8s"]
    with Service(thalweg, *ARGUMENTS, *limits) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS).raise_for_status()
        kinds = {
            "headers": ["-H", "-i", "2", "-u", service.url + "/"],
            "body": ["-B", "-i", "2", "-s", "8192", "-f", "application/json", "-u", service.url + "/predict"],
            "read": ["-X", "-n", "2", "-w", "16", "-y", "64", "-z", "8", "-k", "3", "-u", service.url + "/openapi.json"],
        }
        for kind, arguments in kinds.items():
            latencies = attack(service, 12, *arguments)
            p99 = statistics.quantiles(latencies, n=100)[98]
            print(f"  slow {kind}: {len(latencies)} good requests, median "
                  f"{statistics.median(latencies) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms", flush=True)
            assert p99 < 1, p99
        # The dawdlers are cut off, and their file descriptors with them.
        descriptors = f"/proc/{service.process.pid}/fd"
        deadline = time.time() + 30
        while len(os.listdir(descriptors)) > 100 and time.time() < deadline:
            time.sleep(0.5)
        assert len(os.listdir(descriptors)) <= 100, len(os.listdir(descriptors))


def leaks(thalweg):
    """Requests on many connections leave neither memory nor file descriptors behind."""
    def memory():
        with open(f"/proc/{service.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def load(connections, each):
        def ask():
            for _ in range(connections):
                session = requests.Session()
                for _ in range(each):
                    assert session.post(service.url + "/predict", json={"x": 1.0, "color": "red"}).status_code == 200
                session.get(service.url + "/metrics")
                session.close()
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS).raise_for_status()
        load(50, 10)
        time.sleep(0.5)
        before, descriptors = memory(), len(os.listdir(f"/proc/{service.process.pid}/fd"))
        load(100, 10)
        time.sleep(0.5)
        after = memory()
        assert after < before + 8, f"{before:.1f} to {after:.1f} MiB"
        assert len(os.listdir(f"/proc/{service.process.pid}/fd")) <= descriptors + 2


def triton(thalweg):
    import numpy
    import tritonclient.http as triton

    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS)
        client = triton.InferenceServerClient(service.url.removeprefix("http://"))
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("thalweg")
        assert client.get_server_metadata()["extensions"] == ["learn", "explain"]
        metadata = client.get_model_metadata("thalweg")
        assert [tensor["name"] for tensor in metadata["inputs"]] == ["x", "color"], metadata
        x = triton.InferInput("x", [2], "FP64")
        x.set_data_from_numpy(numpy.array([1.0, 1.0]), binary_data=False)
        color = triton.InferInput("color", [2], "BYTES")
        color.set_data_from_numpy(numpy.array(["red", "blue"], dtype=object), binary_data=False)
        wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ("prediction", "probabilities")]
        result = client.infer("thalweg", [x, color], outputs=wanted, request_id="7")
        assert list(result.as_numpy("prediction")) == ["yes", "no"], result.get_response()
        assert result.as_numpy("probabilities").shape == (2, 2)
        assert result.get_response()["model_version"] == "200" and result.get_response()["id"] == "7"
        try:
            client.infer("other", [x, color])
            raise AssertionError("another model answered")
        except triton.InferenceServerException as error:
            assert "no such model" in str(error)


def prometheus(thalweg):
    from prometheus_client.parser import text_string_to_metric_families

    with Service(thalweg, *ARGUMENTS, "--snapshots", "s", "--snapshot-every", "200ms") as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS)
        requests.post(service.url + "/predict", json={"x": 1})
        time.sleep(0.6)
        text = requests.get(service.url + "/metrics").text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        for name in [
            "thalweg_records_rejected", "thalweg_predict_requests", "thalweg_source_lag_records", "thalweg_nonfinite",
            "thalweg_state_bytes", "thalweg_snapshot_failures", "thalweg_snapshot_age_seconds",
            "thalweg_model_age_records", "thalweg_records_ingested", "thalweg_predict_seconds", "thalweg_learn_batch_seconds",
            "thalweg_model_age_seconds", "thalweg_snapshot_bytes", "thalweg_metric_value",
        ]:
            assert name in families, name
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            assert checked.returncode == 0, checked.stderr


def sleeper(thalweg):
    """A listener that never reads costs little memory and nobody else's events."""
    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS)
        host, port = service.url.removeprefix("http://").split(":")

        def memory():
            with open(f"/proc/{service.process.pid}/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        sleepers = []
        for _ in range(20):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect((host, int(port)))
            one.sendall(f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            sleepers.append(one)
        with requests.get(service.url + "/events", stream=True, timeout=10) as events:
            ids, before = [], None
            for line in events.iter_lines(decode_unicode=True):
                if line.startswith("id: "):
                    ids.append(int(line[4:]))
                    if len(ids) == 5:
                        before = memory()
                    if len(ids) == 25:
                        break
            assert ids == list(range(ids[0], ids[0] + 25)), ids
            assert memory() - before < 16 << 20, f"{memory() - before} bytes more"
        for one in sleepers:
            one.close()


def contract(thalweg):
    """No answer outside the service's own description, and no 5xx."""
    with Service(thalweg, *ARGUMENTS) as service:
        requests.post(service.url + "/learn?ack=applied", json=RECORDS)
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", service.url + "/openapi.json",
            "--checks", "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance",
            "--exclude-path", "/events", "--max-examples", "60", "--request-timeout", "20",
        ]
        assert subprocess.run(command).returncode == 0


def missing(check):
    """What a check needs and this machine has not."""
    if check is slow and not shutil.which("slowhttptest"):
        return "slowhttptest"
    if check is mlflow and importlib.util.find_spec("mlflow") is None:
        return "mlflow-skinny"
    return None


CHECKS = [plain, everyone, triton, mlflow, prometheus, sleeper, contract, slow, leaks]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--thalweg", required=True)
    parser.add_argument("checks", nargs="*", default=[check.__name__ for check in CHECKS])
    given = parser.parse_args()
    for check in CHECKS:
        if check.__name__ in given.checks:
            absent = missing(check)
            if not absent:
                check(os.path.abspath(given.thalweg))
            print(check.__name__, f"skipped: {absent} is not installed" if absent else "ok", flush=True)
