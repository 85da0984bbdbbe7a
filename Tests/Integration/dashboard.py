#!/usr/bin/env python3
"""The dashboard in a real browser: Chromium, headless, driven over the DevTools protocol. Needs Python's library only.

    thalweg run --http 127.0.0.1:8080 ... &
    Tests/Integration/dashboard.py http://127.0.0.1:8080 [--screenshot dashboard.png] [--chromium chromium]

Records must be arriving while it runs. It checks that the page loads and goes live, that numbers change between two
looks, that the form predicts, that nothing comes from elsewhere, that it fits a phone, and that the console stays free
of errors. Prints a line a check and exits with 1 when one of them failed. Screenshots: light at the given path, dark
and phone beside it.
"""
import argparse
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    """Chromium with one page, driven through a pipe (messages of JSON that end in a zero byte)."""

    def __init__(self, binary="chromium"):
        self.profile = tempfile.mkdtemp(prefix="thalweg-chromium-")
        child_in, self.output = (self.high(fd) for fd in os.pipe())
        self.input, child_out = (self.high(fd) for fd in os.pipe())

        def connect():
            os.dup2(child_in, 3)
            os.dup2(child_out, 4)

        command = [binary, "--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={self.profile}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")
        self.process = subprocess.Popen(command + ["about:blank"], preexec_fn=connect, pass_fds=(3, 4),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(child_in)
        os.close(child_out)
        self.received = b""
        self.number = 0
        self.session = None
        self.errors = []
        self.requests = []
        self.responses = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    @staticmethod
    def high(fd):
        """The same pipe under a number that is not in the way of the child's 3 and 4."""
        number = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(fd)
        return number

    def call(self, method, timeout=30, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        rest = json.dumps(message).encode() + b"\0"
        while rest:
            rest = rest[os.write(self.output, rest):]
        deadline = time.monotonic() + timeout
        while True:
            answer = self.receive(deadline)
            if answer is None:
                raise TimeoutError(f"no answer to {method}")
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def receive(self, deadline):
        """The next message; notes those that are events. None when the time is over."""
        while b"\0" not in self.received:
            if not select.select([self.input], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(self.input, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.received += part
        line, self.received = self.received.split(b"\0", 1)
        message = json.loads(line)
        self.note(message.get("method"), message.get("params", {}))
        return message

    def note(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Network.responseReceived":
            self.responses.append((parameters["response"]["url"], parameters["response"]["status"]))

    def wait(self, seconds):
        """Lets time pass and notes what the page says meanwhile."""
        deadline = time.monotonic() + seconds
        while self.receive(deadline) is not None:
            pass

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description"))
        return result["result"].get("value")

    def until(self, expression, seconds):
        """Waits until an expression is true; gives its last value."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(expression)) and time.monotonic() < deadline:
            self.wait(0.2)
        return value

    def open(self, url, width=1400, height=1000, dark=False):
        self.width = width
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)

    def screenshot(self, path):
        """The whole page as a PNG."""
        # Charts follow the size of the window: they must have been drawn in the size that is captured.
        height = self.evaluate("document.documentElement.scrollHeight")
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=height, deviceScaleFactor=1,
                  mobile=self.width < 600)
        self.wait(2.5)
        image = self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


FIGURES = """Object.fromEntries([...document.querySelectorAll('#figures > div')]
    .map((one) => [one.children[0].textContent, one.children[1].textContent]))"""
IS_LIVE = """document.getElementById('connection')?.dataset.state === 'live'
    && document.querySelector('#figures dd') !== null"""
PANELS = "[...document.querySelectorAll('.panel:not([hidden])')].map((one) => one.id.replace('-panel', ''))"
PREDICT = """(() => {
    const inputs = [...document.querySelectorAll('#try-fields input')];
    const typical = document.getElementById('try-typical');
    if (!typical.hidden) typical.click(); else for (const input of inputs) input.value = '1';
    document.getElementById('try').requestSubmit();
})()"""
ANSWER = "document.querySelector('#try-answer .result, #try-answer .error')?.textContent ?? ''"

failures = 0


def check(name, is_fine, detail=""):
    global failures
    failures += not is_fine
    print(f"{'ok' if is_fine else 'FAILED'} {name}{': ' + str(detail) if detail else ''}", flush=True)


def enter(browser, base, token):
    """Gives the page its token; a wrong one first."""
    shown = browser.until("document.getElementById('access')?.hidden === false", 20)
    check("the page asks for a token", shown)
    for text, expected in (("wrong", "document.getElementById('access-error').textContent !== ''"), (token, IS_LIVE)):
        browser.evaluate(f"""document.getElementById('access-token').value = {json.dumps(text)};
            document.getElementById('access-form').requestSubmit()""")
        check("a wrong token is refused" if text == "wrong" else "the token is taken", browser.until(expected, 20))


def run(browser, options):
    base = options.url.rstrip("/")
    browser.open(base + "/")
    if options.token:
        enter(browser, base, options.token)
    check("the page loads and goes live", browser.until(IS_LIVE, 20), browser.evaluate("document.title"))
    first = browser.evaluate(FIGURES)
    browser.wait(3)
    second = browser.evaluate(FIGURES)
    check("numbers change between two looks", first.get("Records") != second.get("Records"),
          f"records {first.get('Records')} -> {second.get('Records')}")
    browser.until(f"{PANELS}.includes('features')", 5)
    wanted = {"metric", "rate", "loss", "predictions", "targets", "calibration", "features", "fields"}
    shown = set(browser.evaluate(PANELS))
    check("every panel is there", wanted <= shown, ", ".join(sorted(wanted - shown) or sorted(shown)))
    drawn = browser.evaluate("typeof Chart === 'function' && Chart.getChart('metric-plot') !== undefined")
    check("charts are drawn, or numbers instead of them",
          drawn or browser.evaluate("document.documentElement.classList.contains('plain')"),
          "charts" if drawn else "numbers, the server has no Chart.js")

    check("the form is there", browser.until("!document.getElementById('try-panel').hidden", 10))
    browser.evaluate(PREDICT)
    answer = browser.until(ANSWER, 10)
    check("the form predicts", browser.evaluate("document.querySelector('#try-answer .result') !== null"), answer)
    browser.wait(1)
    explained = browser.evaluate("!document.getElementById('explanation').hidden")
    statuses = [status for url, status in browser.responses if url == base + "/explain"]
    check("the prediction is explained, or the learner cannot", explained or statuses in ([], [501]),
          "explained" if explained else "the learner explains nothing")

    browser.wait(options.watch)
    browser.screenshot(options.screenshot)
    stem = os.path.splitext(options.screenshot)[0]
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait(1.5)
    browser.screenshot(f"{stem}-dark.png")

    browser.open(base + "/", width=390, height=844)
    browser.until(IS_LIVE, 20)
    browser.wait(3)
    width = browser.evaluate("document.documentElement.scrollWidth")
    check("the page fits a phone", width <= 390, f"{width} of 390 pixels")
    size = browser.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    check("text is readable on a phone", size >= 16, f"{size} px")
    browser.screenshot(f"{stem}-phone.png")

    elsewhere = [url for url in browser.requests if not url.startswith((base + "/", "data:", "about:", "blob:"))]
    check("nothing comes from elsewhere", not elsewhere, " ".join(elsewhere))
    # A learner that cannot explain answers 501, which the browser reports although the page expects it.
    errors = [text for text in browser.errors if not ("501" in text and "/explain" in text)]
    if options.token:
        errors = [text for text in errors if "401" not in text]
    check("no console error", not errors, " | ".join(errors))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="where the engine serves, for instance http://127.0.0.1:8080")
    parser.add_argument("--screenshot", default="dashboard.png", help="where to save the screenshot")
    parser.add_argument("--watch", type=float, default=5, help="seconds to watch before the screenshot")
    parser.add_argument("--token", default="", help="a token with the role read")
    parser.add_argument("--chromium", default="chromium", help="the browser")
    options = parser.parse_args()
    browser = Browser(options.chromium)
    try:
        run(browser, options)
    finally:
        browser.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
