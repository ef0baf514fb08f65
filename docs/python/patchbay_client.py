#!/usr/bin/env python3
"""A Patchbay client in one file: it speaks docs/wire.md and shows a logit lens.

    pip install websockets zstandard        # numpy is used for arrays if it is there
    python3 patchbay_client.py 'http://127.0.0.1:8420/#token=...' \\
        --model smollm2-135m-instruct --prompt "The capital of Poland is"

The address is the one that `patchbay serve` (or `make run`) prints.
"""

import argparse
import asyncio
import json
import struct
import sys
from urllib.parse import parse_qs, urlsplit

import websockets
import zstandard

HEADER = struct.Struct("<2sBBBBHQII")  # magic, version, kind, codec, flags, reserved, request, sequence, size
VERSION = 1
MAX_FRAME = 1 << 20
HELLO, WELCOME, REQUEST, EVENT, RESULT, ERROR, CANCEL, CANCELLED, GAP = range(1, 10)
RAW, ZSTD = 0, 1
MORE, PLANES, REST = 1, 2, 4


class PatchbayError(Exception):
    """What the engine refused, in its own words."""


def pack(kind, request, body=None):
    """One raw frame with a JSON message and no arrays."""
    meta = {} if body is None else {"msg": json.dumps(body, separators=(",", ":"))}
    head = json.dumps({"__metadata__": meta}, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    payload = struct.pack("<Q", len(head)) + head
    if len(payload) > MAX_FRAME:
        raise ValueError("a larger message must be cut into frames")
    return HEADER.pack(b"PB", VERSION, kind, RAW, 0, 0, request, 0, len(payload)) + payload


def unplanes(data):
    """Puts bytes back together: all first bytes of every four come first, then all second ones ..."""
    n = len(data) // 4
    out = bytearray(data)
    for i in range(4):
        out[i : 4 * n : 4] = data[i * n : (i + 1) * n]
    return bytes(out)


def read_blob(blob):
    """A safetensors blob: the message and its arrays by name."""
    (n,) = struct.unpack_from("<Q", blob)
    head = json.loads(blob[8 : 8 + n])
    meta = head.pop("__metadata__", {})
    arrays = {}
    for name, t in head.items():
        begin, end = t["data_offsets"]
        arrays[name] = array(t["dtype"], t["shape"], blob[8 + n + begin : 8 + n + end])
    return json.loads(meta["msg"]) if "msg" in meta else None, arrays


def array(dtype, shape, data):
    try:
        import numpy
    except ImportError:
        return dtype, shape, data
    types = {"F32": "<f4", "F16": "<f2", "I8": "i1", "U8": "u1", "I32": "<i4", "I64": "<i8"}
    if dtype not in types:
        return dtype, shape, data
    return numpy.frombuffer(data, types[dtype]).reshape(shape)


class Client:
    """One connection. Requests may run at the same time; here they are made one by one."""

    def __init__(self, socket):
        self.socket = socket
        self.zstd = zstandard.ZstdDecompressor()
        self.partial = {}
        self.request = 0
        self.last = 0  # sequence number of the last frame, to resume with

    @classmethod
    async def open(cls, address):
        url = urlsplit(address)
        token = parse_qs(url.fragment).get("token", [""])[0]
        scheme = {"http": "ws", "https": "wss"}[url.scheme]
        # The Origin is the sidecar's own: it refuses a websocket without one.
        socket = await websockets.connect(
            f"{scheme}://{url.netloc}/ws", origin=f"{url.scheme}://{url.netloc}",
            compression=None, max_size=HEADER.size + MAX_FRAME)
        client = cls(socket)
        await socket.send(pack(HELLO, 0, {"token": token, "codecs": ["raw", "zstd"]}))
        kind, _, client.welcome, _ = await client.receive()
        if kind != WELCOME:
            raise PatchbayError(f"a message of kind {kind} came in place of a welcome")
        return client

    async def receive(self):
        """The next whole message: kind, request, body, arrays."""
        while True:
            try:
                frame = await self.socket.recv()
            except websockets.ConnectionClosed as e:
                raise PatchbayError(f"the line was closed: {e}") from e
            magic, version, kind, codec, flags, _, request, sequence, size = HEADER.unpack_from(frame)
            if magic != b"PB" or version != VERSION:
                raise PatchbayError("the other side speaks another version")
            if size > MAX_FRAME:
                raise PatchbayError("a frame over the limit")
            self.last = sequence or self.last
            data = frame[HEADER.size :]
            if codec == ZSTD:
                data = self.zstd.decompress(data, max_output_size=size)
            if len(data) != size:
                raise PatchbayError("a frame of another size than it claims")
            if flags & PLANES:
                data = unplanes(data)
            if not flags & REST:
                self.partial[request] = bytearray()
            elif request not in self.partial:
                continue  # its beginning lies in a gap
            self.partial[request] += data
            if flags & MORE:
                continue
            body, arrays = read_blob(bytes(self.partial.pop(request)))
            return kind, request, body, arrays

    async def call(self, method, params=None, progress=lambda event: None):
        """Runs a method to its end and gives its result and arrays."""
        self.request += 1
        await self.socket.send(pack(REQUEST, self.request, {"method": method, "params": params or {}}))
        while True:
            kind, request, body, arrays = await self.receive()
            if request != self.request:
                continue
            if kind == EVENT:
                progress(body)
            elif kind == RESULT:
                return body, arrays
            elif kind == ERROR:
                raise PatchbayError(body["msg"])
            elif kind == CANCELLED:
                raise PatchbayError("stopped")


def show_lens(outcome):
    result = outcome["result"]
    follow = result["follow"]["text"]
    print(f"layer  top guess at the last position        p       p of {follow!r}")
    for layer in range(len(result["layers"]) - 1, -1, -1):
        cell = result["layers"][layer][-1]
        top = cell["top"][0]
        print(f"{layer:5}  {top['text']!r:35} {top['p']:.4f}  {cell['follow_p']:.4f}")
    parity = outcome["parity"]
    print(f"{parity['model']} on {parity['device']} ({parity['detail']}), {parity['mode']}, self-test {parity['selftest']:.1e}")


async def main():
    parser = argparse.ArgumentParser(description="Run a logit lens on a Patchbay sidecar.")
    parser.add_argument("address", help="what `patchbay serve` prints, token and all")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--prompt", default="The capital of Poland is")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    args = parser.parse_args()

    client = await Client.open(args.address)
    device = client.welcome["device"]
    print(f"connected to a {client.welcome['place']}: {device['name']}, {device['detail']}", file=sys.stderr)
    models, _ = await client.call("models")
    for m in models["models"]:
        print(f"  {m['id']:30} {m['size'] / 1e6:8.1f} MB  {'here' if m['here'] == m['size'] else ''}", file=sys.stderr)

    def progress(event):
        print(f"  {event['stage']} {event['done']}/{event['total']}", file=sys.stderr)

    outcome, _ = await client.call("run", {
        "model": args.model, "experiment": "lens", "params": {"prompt": args.prompt}}, progress)
    if args.json:
        print(json.dumps(outcome))
    else:
        show_lens(outcome)
    plan = {"runs": [{"name": "r", "prompt": args.prompt, "reads": [
        {"name": "resid", "site": "hook_resid_post", "layers": 0, "positions": "all"}]}]}
    _, arrays = await client.call("plan", {"model": args.model, "plan": plan})
    for name, a in arrays.items():
        print(f"  array {name}: {getattr(a, 'shape', a[1])}", file=sys.stderr)
    await client.socket.close()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (PatchbayError, OSError) as e:
        sys.exit(f"patchbay_client: {e}")
