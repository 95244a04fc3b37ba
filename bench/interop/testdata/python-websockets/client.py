"""Plays Python's websockets as a client: python3 client.py ECHO-URL COMMAND-URL
COMPRESSING-URL CERTIFICATE, the third of an echo server that compresses, and the last a file
with what is to be trusted. Prints one line of JSON for each scenario, with an error if it
failed."""

import asyncio
import json
import os
import ssl
import sys
import traceback

import websockets

ECHO, COMMAND, COMPRESSING, CERTIFICATE = sys.argv[1:]
PATIENCE = 180
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]
OVER_TLS = ECHO.startswith("wss:")


def connect(url, compression=None, trusting=CERTIFICATE):
    context = ssl.create_default_context(cafile=trusting) if OVER_TLS else None
    return websockets.connect(
        url,
        ssl=context,
        compression=compression,
        max_size=None,
        # PATIENCE alone says when it has been too long.
        open_timeout=PATIENCE,
        close_timeout=PATIENCE,
        ping_interval=None,
    )


def text(n):
    """n characters of every length in UTF-8."""
    return ("a\u00e9\u6f22\U0001f600z" * (n // 5 + 1))[:n]


async def exchange(ws, message):
    await ws.send(message)
    echo = await ws.recv()
    # The type tells text from binary.
    assert echo == message, f"{len(echo)} of {type(echo)} that differ from the {len(message)} sent"


async def text_of_every_size():
    async with connect(ECHO) as ws:
        for size in SIZES:
            await exchange(ws, text(size))


async def binary_of_every_size():
    async with connect(ECHO) as ws:
        for size in SIZES:
            await exchange(ws, os.urandom(size))


async def compressed():
    async with connect(COMPRESSING, compression="deflate") as ws:
        agreed = ws.extensions if hasattr(ws, "extensions") else ws.protocol.extensions
        assert [e.name for e in agreed] == ["permessage-deflate"], agreed
        for size in [0, 1, 125, 126, 257, 4097, 65536, 100_000]:
            for _ in range(2):  # the second may refer to the first
                await exchange(ws, text(size))
                await exchange(ws, os.urandom(size))


async def fragments_from_the_client():
    async with connect(ECHO) as ws:
        parts = [text(i * 777) for i in range(1, 10)]
        await ws.send(parts)
        assert await ws.recv() == "".join(parts)


async def fragments_from_the_server():
    async with connect(COMMAND) as ws:
        await ws.send("fragments 5 70000")
        assert len(await ws.recv()) == 350000


async def ping_from_the_client():
    async with connect(ECHO) as ws:
        pong = await ws.ping(b"are you there?")
        await pong


async def ping_from_the_server():
    async with connect(COMMAND) as ws:
        await ws.send("ping knock knock")
        assert await ws.recv() == "pong knock knock"


async def close_from_the_client():
    async with connect(ECHO) as ws:
        await ws.close(4001, "from the client")
        assert ws.close_code == 4001, ws.close_code


async def close_from_the_server():
    async with connect(COMMAND) as ws:
        await ws.send("close 4002 from the server")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            assert (e.rcvd.code, e.rcvd.reason) == (4002, "from the server"), e
        else:
            raise AssertionError("a message in place of the close")


async def a_hundred_connections_at_once():
    async def one(i):
        async with connect(ECHO) as ws:
            await exchange(ws, f"I am {i}")

    await asyncio.gather(*(one(i) for i in range(100)))


async def a_certificate_that_is_not_trusted():
    try:
        async with connect(ECHO, trusting=None):
            pass
    except ssl.SSLCertVerificationError:
        return
    raise AssertionError("it was trusted")


async def main():
    scenarios = [
        text_of_every_size,
        binary_of_every_size,
        compressed,
        fragments_from_the_client,
        fragments_from_the_server,
        ping_from_the_client,
        ping_from_the_server,
        close_from_the_client,
        close_from_the_server,
        a_hundred_connections_at_once,
    ]
    if OVER_TLS:
        scenarios.append(a_certificate_that_is_not_trusted)
    for scenario in scenarios:
        error = ""
        try:
            await asyncio.wait_for(scenario(), PATIENCE)
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"name": scenario.__name__, "error": error}), flush=True)


asyncio.run(main())
