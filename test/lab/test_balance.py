# SPDX-License-Identifier: MIT
"""Which server a client gets, how long it waits for one, and what becomes of servers that fail: tandem, and the same lines in
Debian's HAProxy."""
from test_proxy import LB, NGINX, exchange, get, proxy  # noqa: F401


# ---- connections to servers ----

def test_connections_that_we_close_leave_no_port_waiting(lab, proxy):  # noqa: F811
    """TIME_WAIT on our side would use up all ports towards a server within seconds of load."""
    proxy(NGINX[:1])
    for _ in range(100):                # each leaves an idle connection, of which there are at most 84
        assert exchange(LB, 80, get("/name", "Connection: close\r\n")).endswith(b"web01\n")
    assert lab.lb01.run("ss", "-Htan", "state", "time-wait", "dst", "192.168.1.21") == ""
