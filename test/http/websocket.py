# SPDX-License-Identifier: MIT
"""websocket.py serve ADDRESS PORT      an echo, with Debian's python3-websockets
websocket.py talk ADDRESS PORT COUNT    COUNT clients at once, each with messages of many sizes both ways; says how many were right"""
import asyncio
import random
import sys

import websockets


async def echo(connection, *_):
    async for message in connection:
        await connection.send(message)


async def serve(address, port):
    async with websockets.serve(echo, address, port, max_size=None):
        await asyncio.Future()


async def one(address, port, seed):
    dice = random.Random(seed)
    async with websockets.connect(f"ws://{address}:{port}/echo?{seed}", max_size=None) as connection:
        for size in (0, 1, 125, 126, 65535, 65536, 300000, dice.randrange(1 << 20)):
            message = dice.randbytes(size) if seed % 2 else "ä" * size
            await asyncio.gather(connection.send(message), (await connection.ping()))
            if await connection.recv() != message:
                return False
        await connection.close(1001, "enough")
    return connection.close_code == 1001


async def talk(address, port, count):
    print(sum(await asyncio.gather(*(one(address, port, seed) for seed in range(count)))))


if __name__ == "__main__":
    what, address, port, *rest = sys.argv[1:]
    asyncio.run(serve(address, int(port)) if what == "serve" else talk(address, int(port), int(rest[0])))
