# SPDX-License-Identifier: MIT
"""A person's session in a real browser through `cookie insert`: pages, forms, scripts, and a server that goes down in between. The same
session goes through Debian's HAProxy, with the same lines."""
import contextlib
import html
import http.server
import shutil
import socket
import threading
import urllib.parse

import pytest
from browser import Chromium, Tab
from lab import exchange, listen, wait_for
from raw import LB, OURS, THEIRS, start

CHROMIUM = shutil.which("chromium")
PORT = 8096
IMAGES = 12
STALLED = 3
TOGETHER = 4            # as many images are asked for at one time, or none is answered
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
PAGE = """<!doctype html><html><head><title>{who}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css"><script src="/script.js"></script></head><body>
<p id="who">{who}</p><p id="said">{said}</p><a id="next" href="{next}">next</a>
<form method="post" action="/form"><input name="name" value="a&amp;b=ä"><textarea name="text">{text}</textarea><button id="send">send</button></form>
{images}</body></html>"""
# What a script asks for at one time: texts that come back as they were sent, some in chunks, in every order.
SCRIPT = """
async function echo(i) {
    const sent = String.fromCharCode(97 + i).repeat(i * 9973), how = {method: i % 3 ? "POST" : "PUT", body: sent}
    const answer = await fetch("/echo?" + i, how)
    return answer.status == 200 && answer.headers.get("server-name") + (await answer.text() == sent ? "" : " changed") || answer.status
}
async function echoes(count) {
    return [...new Set(await Promise.all([...Array(count).keys()].map(echo)))].join()
}
"""


class Site:
    """A web server. `requests` is what it was asked: (method, path, cookies, number of bytes that came with it)."""

    def __init__(self, lab, name):
        self.name, self.lab, self.lock = name, lab, threading.Lock()
        self.address = f"{lab.hosts[name].address}:{PORT}"
        self.stalled = self.left = 0
        self.requests, self.connections, self.images = [], set(), threading.Barrier(TOGETHER, timeout=20)
        self.up()

    def up(self):
        site = self

        class Handler(SiteHandler):
            server_site = site
            timeout = 60
        self.server = http.server.ThreadingHTTPServer((self.lab.hosts[self.name].address, PORT), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = listen(self.lab.hosts[self.name].address, PORT, self.name)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def down(self):
        """As if it had been killed: nothing listens, and all connections end."""
        self.server.shutdown()
        self.server.socket.close()
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):              # those that the other side has reset
                    connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()

    def take(self):
        with self.lock:
            asked, self.requests = self.requests, []
        return asked


class SiteHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server_site.lock:
            self.server_site.connections.add(self.connection)

    def finish(self):
        with self.server_site.lock:
            self.server_site.connections.discard(self.connection)
        super().finish()

    def handle(self):
        try:
            super().handle()
        except ConnectionError:                 # the test itself ends them, and so do checks
            pass

    def log_message(self, *_):
        pass

    def answer(self):
        site = self.server_site
        if self.path == "/health":
            return self.send(b"ok")
        # Chromium sends what it uploads with its length, and the proxies hand it on so.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with site.lock:
            site.requests.append((self.command, self.path, self.headers.get("Cookie", ""), len(body)))
        path = self.path.split("?")[0]
        if path.startswith("/image"):
            site.images.wait()
            return self.send(SVG, "image/svg+xml", "Cache-Control: no-store")
        if path == "/stall":
            return self.stall()
        if path == "/style.css":
            if self.headers.get("If-None-Match") == '"1"':
                return self.send(None, "text/css", 'ETag: "1"', "Cache-Control: no-cache", status=304)
            return self.send(b"p { color: rgb(1, 2, 3) }", "text/css", 'ETag: "1"', "Cache-Control: no-cache")
        if path == "/script.js":
            return self.send(SCRIPT.encode(), "text/javascript", "Cache-Control: no-store")
        if path == "/echo":
            return self.send(body, "text/plain", f"Server-Name: {site.name}", chunked=len(body) % 2)
        form = urllib.parse.parse_qs(body.decode())
        said = f"{form['name'][0]} and {len(form['text'][0])}" if form else path
        page = PAGE.format(who=site.name, said=html.escape(said), next=f"/page/{len(path)}", text="x" * 50000,
                           images="".join(f'<img src="/image/{i}">' for i in range(IMAGES)))
        return self.send(page.encode(), "text/html; charset=utf-8", f"Set-Cookie: app={site.name}; Path=/", "Set-Cookie: mode=dark; Path=/", chunked=True)

    do_GET = do_POST = do_PUT = answer

    def stall(self):
        """No answer until the other side has gone."""
        with self.server_site.lock:
            self.server_site.stalled += 1
        try:
            assert self.connection.recv(1) == b""
        finally:
            self.close_connection = True
            with self.server_site.lock:
                self.server_site.left += 1

    def send(self, body, kind="text/plain", *fields, status=200, chunked=False):
        lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", *fields]
        if body is not None:
            lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode()
        if body is not None and chunked:
            parts = [body[at:at + 1000] for at in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
        self.wfile.write(data + (body or b""))


@pytest.fixture
def browser(lab, tmp_path):
    chromium = Chromium(lab.client, CHROMIUM, tmp_path)
    yield chromium
    chromium.close()


@pytest.fixture
def sites(lab):
    made = [Site(lab, "web01"), Site(lab, "web02")]
    yield made
    for site in made:
        site.down()


def look(tab, site, other, said):
    """The page is whole, it is this server's, and so was all that was asked since the last look. Returns the paths that were asked for."""
    assert tab.run("document.querySelector('#who').innerText") == site.name
    assert tab.run("document.querySelector('#said').innerText") == said
    assert tab.run("getComputedStyle(document.querySelector('#who')).color") == "rgb(1, 2, 3)"
    assert tab.run("[...document.images].filter(i => i.complete && i.naturalWidth == 8).length") == IMAGES
    assert tab.run("echoes(20)") == site.name
    asked = site.take()
    assert not other.take()
    assert all("SERVERID" not in cookie for _, _, cookie, _ in asked), asked
    # The application's own cookies come whole; what asks for the page itself may still bring those of the server before.
    parts = [sorted(cookie.split("; ")) for _, path, cookie, _ in asked if path.startswith(("/image", "/echo", "/s"))]
    assert all(p == [f"app={site.name}", "mode=dark"] for p in parts), asked
    assert sorted(length for _, path, _, length in asked if path.startswith("/echo")) == [i * 9973 for i in range(20)]
    return [f"{method} {path}" for method, path, _, _ in asked]


def given(tab):
    """The proxy's cookies that responses have brought to the browser."""
    fields = [f for e in tab.seen("Network.responseReceivedExtraInfo") for name, f in e["headers"].items() if name.lower() == "set-cookie"]
    return [line for field in fields for line in field.split("\n") if "SERVERID" in line]


def both_up(port, wanted):
    """Waits until the checks say so."""
    def says():
        return (b" 204 " in exchange(LB, port, b"GET /both HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").split(b"\r\n")[0]) == wanted
    wait_for(says, 20, f"both servers up: {wanted}")


def session(browser, sites, port):
    """What a person does. Returns what they saw that does not hang on the moment, for a comparison."""
    tab, url = Tab(browser), f"http://{LB}:{port}/"
    report = []

    def page(said, here, there):
        paths = look(tab, here, there, said)
        report.append((said, sorted(paths), given(tab)))
        cookie = tab.cookies()["SERVERID"]
        assert cookie["value"] == here.name and cookie["session"] and cookie["path"] == "/"

    tab.load("Page.navigate", url=url)
    here, there = sites if tab.run("document.title") == "web01" else reversed(sites)
    page("/", here, there)
    tab.click("#next")
    page("/page/1", here, there)
    tab.click("#next")
    page("/page/7", here, there)
    tab.click("#send")
    page("a&b=ä and 50000", here, there)
    tab.load("Page.navigate", url=url + "again")
    tab.load("Page.reload")
    paths = [*look(tab, here, there, "/again")]
    assert paths.count("GET /again") == 2 and paths.count("GET /style.css") == 2
    assert 304 in [e["statusCode"] for e in tab.seen("Network.responseReceivedExtraInfo")]

    # A script changes its mind before it has an answer. With `abortonclose` the server is told.
    here.stalled = here.left = 0
    tab.run(f"mind = new AbortController(); for (let i = 0; i < {STALLED}; i++) fetch('/stall?' + i, {{signal: mind.signal}}).catch(() => 0); 0")
    wait_for(lambda: here.stalled == STALLED, 20, "requests")
    tab.run("mind.abort()")
    wait_for(lambda: here.left == STALLED, 20, "an end for what nobody waits for")
    look(tab, here, there, "/again")

    # The server goes at a moment that no check has noticed yet. The session moves at once, and stays where it went.
    here.down()
    tab.load("Page.reload")
    page("/again", there, here)
    here.up()
    here, there = there, here
    both_up(port, True)
    tab.click("#next")
    page("/page/6", here, there)
    # And back, when the checks know.
    here.down()
    both_up(port, False)
    tab.click("#send")
    page("a&b=ä and 50000", there, here)
    here.up()
    both_up(port, True)

    assert [e["canceled"] for e in tab.seen("Network.loadingFailed")] == [True] * STALLED
    assert not [e for e in tab.seen("Log.entryAdded") if e["entry"]["level"] == "error"]
    assert {e["response"]["status"] for e in tab.seen("Network.responseReceived")} <= {200, 304}
    # Loads side by side, on connections that are kept.
    answers = [e["response"] for e in tab.seen("Network.responseReceived")]
    connections = {r["connectionId"] for r in answers if r.get("connectionId")}
    assert TOGETHER <= len(connections) <= len(answers) / 5, (len(connections), len(answers))
    first, second, third = given(tab)
    assert (first, second, third) == tuple(f"SERVERID={s.name}; path=/" for s in (there, here, there))
    return [(said, paths, len(fields)) for said, paths, fields in report]


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here: apt-get install chromium")
def test_a_session_stays_at_its_server(lab, sites, browser):
    start(lab, [f"{s.address} cookie {s.name} check inter 1s fastinter 200ms downinter 200ms rise 1" for s in sites], client="30s", server="30s", request="30s",
          defaults="    option abortonclose", frontend="""
    http-request return status 503 if { path /both } { nbsrv(back) lt 2 }
    http-request return status 204 if { path /both }
""", backend="""
    balance roundrobin
    retries 3
    option redispatch
    timeout check 10s
    option httpchk GET /health
    cookie SERVERID insert indirect nocache
""")
    said = {}
    for port in (OURS, THEIRS):
        both_up(port, True)
        said[port] = session(browser, sites, port)
    assert said[OURS] == said[THEIRS]
