# SPDX-License-Identifier: MIT
"""A browser that never stops: asks every 10 ms over new connections, keeps its cookies, prints one line a request."""
import http.client
import sys
import time

address, cookie = sys.argv[1], None
while True:
    started = time.monotonic()
    try:
        connection = http.client.HTTPConnection(address, 80, timeout=0.25)
        connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        body = response.read().decode().strip()
        given = response.getheader("Set-Cookie")
        if given:
            cookie = given.split(";")[0]
        result = body if response.status == 200 else f"!{response.status}"
        connection.close()
    except OSError as error:
        result = f"!{type(error).__name__}"
    print(f"{time.monotonic():.3f} {result}", flush=True)
    time.sleep(max(0, 0.01 - (time.monotonic() - started)))
