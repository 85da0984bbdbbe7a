"""The dashboard over a stream at a natural pace, with somebody asking for predictions at the same time.

python Tests/Integration/dashboard_demo.py --thalweg .build/release/thalweg [--screenshot dashboard.png] [--watch 20]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOKEN = "read-0123456789abcdef0123"


def feed(path, pipe, rate, is_over):
    """Writes the file's lines at so many a second."""
    start, count = time.monotonic(), 0
    with open(path, "rb") as file:
        for line in file:
            if is_over.is_set():
                return
            try:
                pipe.write(line)
                count += 1
                if count % 20 == 0:
                    pipe.flush()
                    time.sleep(max(0, start + count / rate - time.monotonic()))
            except (BrokenPipeError, ValueError):
                return


def ask(url, records, headers, is_over):
    """Asks for predictions, some twenty a second."""
    at = 0
    while not is_over.wait(0.05):
        at = (at + 1) % len(records)
        request = urllib.request.Request(
            url + "/predict", records[at], {"Content-Type": "application/json", **headers}, method="POST")
        try:
            urllib.request.urlopen(request, timeout=10).read()
        except OSError:
            pass


def watch(options, data, token):
    with tempfile.TemporaryDirectory() as directory:
        extra, headers = [], {}
        if token:
            with open(os.path.join(directory, "tokens"), "w") as file:
                file.write(f"read {token}\n")
            extra, headers = ["--auth-token-file", "tokens"], {"Authorization": f"Bearer {token}"}
        process = subprocess.Popen(
            [options.thalweg, "run", "--input", "-", "--format", "jsonl", "--target", "class", "--http", "127.0.0.1:0",
             "--predictions", "none", "--snapshots", "s", "--snapshot-every", "3s", "--progress", "none", *extra],
            cwd=directory, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        url = None
        while url is None:
            line = process.stderr.readline().decode()
            assert line, "it ended before it listened"
            if line.startswith("listening on "):
                url = line.split()[-1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        with open(data, "rb") as file:
            lines = [json.loads(next(file)) for _ in range(500)]
        records = [json.dumps({k: v for k, v in line.items() if k != "class"}).encode() for line in lines]
        is_over = threading.Event()
        threads = [threading.Thread(target=feed, args=(data, process.stdin, options.rate, is_over), daemon=True),
                   threading.Thread(target=ask, args=(url, records, headers, is_over), daemon=True)]
        for thread in threads:
            thread.start()
        time.sleep(options.before)
        arguments = ["--screenshot", options.screenshot if not token else os.path.join(directory, "token.png"),
                     "--watch", str(options.watch if not token else 1)]
        if token:
            arguments += ["--token", token]
        status = subprocess.run([sys.executable, os.path.join(HERE, "dashboard.py"), url, *arguments]).returncode
        is_over.set()
        process.terminate()
        process.wait(20)
        return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thalweg", required=True)
    parser.add_argument("--screenshot", default=os.path.join(tempfile.gettempdir(), "thalweg-dashboard.png"))
    parser.add_argument("--watch", type=float, default=5, help="seconds to watch before the screenshot")
    parser.add_argument("--before", type=float, default=3, help="seconds before the page is opened")
    parser.add_argument("--rate", type=float, default=1500, help="records a second")
    options = parser.parse_args()
    options.thalweg = os.path.abspath(options.thalweg)
    options.screenshot = os.path.abspath(options.screenshot)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as data:
        subprocess.run([options.thalweg, "generate", "agrawal", "--records", "300000", "--format", "jsonl"],
                       stdout=data, check=True)
        status = watch(options, data.name, "")
        print("with a token:", flush=True)
        status |= watch(options, data.name, TOKEN)
    sys.exit(status)


if __name__ == "__main__":
    main()
