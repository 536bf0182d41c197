# SPDX-License-Identifier: MIT
"""load.py serve ADDRESS PORT           a web server: POST answers with the body's sha256, GET /SIZE/SEED with so many bytes of that seed
load.py load ADDRESS PORT COUNT BYTES   COUNT clients at once, uploads and downloads of random sizes up to BYTES; says how many were right"""
import asyncio
import collections
import hashlib
import random
import sys

BACKLOG = 4096
SCRAP = random.Random(0).randbytes(1 << 20)


def content(size, seed):
    """Bytes that depend on the seed at each place, cheaply: a run of the same megabyte from another start."""
    start = seed * 7919 % (len(SCRAP) // 2)
    once = SCRAP[start:] + SCRAP[:start]
    return (once * (size // len(once) + 1))[:size]


async def read_body(reader, head):
    """In parts, whatever its framing."""
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if b"transfer-encoding" in fields:
        while size := int((await reader.readline()).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return
    left = int(fields.get(b"content-length", 0))
    while left:
        part = await reader.read(min(left, 1 << 16))
        if not part:
            raise EOFError
        left -= len(part)
        yield part


async def serve_one(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"100-continue" in head.lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            digest = hashlib.sha256()
            async for part in read_body(reader, head):
                digest.update(part)
            method, path = head.split(b" ")[:2]
            if method in (b"POST", b"PUT"):
                answer = digest.hexdigest().encode()
            else:
                answer = content(*map(int, path.split(b"/")[1:3]))
            if path.endswith(b"/chunked"):
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for i in range(0, len(answer), 50000):
                    part = answer[i:i + 50000]
                    writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                writer.write(b"0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + (b"" if method == b"HEAD" else answer))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, EOFError):
        pass
    finally:
        writer.close()


async def serve(address, port):
    server = await asyncio.start_server(serve_one, address, port, backlog=BACKLOG)
    await server.serve_forever()


async def one(address, port, seed, most, results):
    dice = random.Random(seed)
    size = int(most ** dice.random())
    data = content(size, seed)
    reader, writer = await asyncio.open_connection(address, port)
    try:
        if seed % 2:
            chunked = seed % 4 == 1
            writer.write(b"POST /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n\r\n" % (
                seed, b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size))
            for i in range(0, size, 30000):
                part = data[i:i + 30000]
                writer.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                await writer.drain()
            writer.write(b"0\r\n\r\n" if chunked else b"")
            wanted = hashlib.sha256(data).hexdigest().encode()
        else:
            path = b"/%d/%d%s" % (size, seed, b"/chunked" if seed % 4 == 0 else b"")
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            wanted = data
        head = await reader.readuntil(b"\r\n\r\n")
        body = b"".join([part async for part in read_body(reader, head)])
        results["right" if head.startswith(b"HTTP/1.1 200 ") and body == wanted else f"wrong {head[:15]}"] += 1
    finally:
        writer.close()


async def load(address, port, count, most):
    results = collections.Counter()

    async def guarded(seed):
        try:
            await one(address, port, seed, most, results)
        except Exception as error:                          # noqa: BLE001: whatever it is, it is counted and shown
            results[f"{type(error).__name__} {error}"] += 1
    await asyncio.gather(*(guarded(seed) for seed in range(count)))
    print(dict(results))


if __name__ == "__main__":
    what, address, port, *rest = sys.argv[1:]
    asyncio.run(serve(address, int(port)) if what == "serve" else load(address, int(port), *map(int, rest)))
