# SPDX-License-Identifier: MIT
"""Chromium without a window, steered over the two pipes of its DevTools protocol."""
import collections
import json
import os
import select
import shutil
import subprocess
import time

# The host has no way out of its network; these keep it from trying. Its sandbox is not for root.
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-breakpad", "--mute-audio", "--remote-debugging-pipe",
]


class Chromium:
    def __init__(self, host, program, folder):
        """It keeps all it keeps in `folder`."""
        environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "TMPDIR": str(folder)}
        self.host, self.log, self.profile = host, folder / "chromium.log", folder / "profile"
        with open(self.log, "w") as log:
            self.process = host.spawn("sh", "-c", 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2', "sh", program, *FLAGS, f"--user-data-dir={self.profile}",
                                      "about:blank", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment)
        self.number, self.rest, self.events = 0, b"", collections.deque()

    def message(self, end, what):
        while b"\0" not in self.rest:
            ready = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]
            more = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            assert more, f"{'chromium ended before' if ready else 'waited in vain for'} {what}: {self.log.read_text(errors='replace')[-2000:]}"
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, session=None, seconds=60, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        self.process.stdin.write(json.dumps(request).encode() + b"\0")
        self.process.stdin.flush()
        end = time.monotonic() + seconds
        while (answer := self.message(end, method)).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def close(self):
        """With all processes that it has started, and its profile."""
        self.host.kill_all()
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)


class Tab:
    """A page in a cookie jar of its own. `events` is what its network did, in order: (method, parameters)."""

    def __init__(self, chromium):
        self.chromium, self.events = chromium, []
        jar = chromium.call("Target.createBrowserContext")["browserContextId"]
        target = chromium.call("Target.createTarget", url="about:blank", browserContextId=jar)["targetId"]
        self.session = chromium.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        return self.chromium.call(method, self.session, **parameters)

    def sort(self, seconds=0, what=""):
        """Takes the events that have come; waits for one if there is none and seconds are given."""
        queue = self.chromium.events
        if not queue and seconds:
            queue.append(self.chromium.message(time.monotonic() + seconds, what))
        found = []
        while queue:
            event = queue.popleft()
            if event.get("sessionId") == self.session:
                found.append((event["method"], event["params"]))
        self.events += found
        return found

    def load(self, method, **parameters):
        """Does what leads to another page, and returns when that has loaded with all that belongs to it."""
        self.sort()
        self.call(method, **parameters)
        end = time.monotonic() + 60
        while not any(name == "Page.loadEventFired" for name, _ in self.sort(end - time.monotonic(), "a page")):
            pass

    def click(self, selector):
        self.load("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)}).click()")

    def run(self, script):
        """The value of an expression, or of the promise that it is."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def cookies(self):
        return {c["name"]: c for c in self.call("Network.getCookies")["cookies"]}

    def seen(self, method):
        self.sort()
        return [parameters for name, parameters in self.events if name == method]
