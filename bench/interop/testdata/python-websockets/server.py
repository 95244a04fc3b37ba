"""Plays Python's websockets as a server that echoes: server.py.

Prints its port, closes with 4002 when it gets the text "close", and ends with its standard input.
"""

import asyncio
import sys

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


async def echo(ws, path=None):
    try:
        async for message in ws:
            if message == "close":
                await ws.close(4002, "from the server")
                return
            await ws.send(message)
    except websockets.ConnectionClosed:
        pass


async def main():
    extensions = [ServerPerMessageDeflateFactory()]
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=32 << 20, compression=None, extensions=extensions) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
