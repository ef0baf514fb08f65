"""Writes decode.json: random blocks of every stored type and their float32 values, decoded by
packages other than ours (gguf 0.19, numpy). Run: pip install gguf numpy; python3 golden.py"""
import base64, json, pathlib
import numpy as np
from gguf import GGMLQuantizationType as T, GGML_QUANT_SIZES
from gguf.quants import dequantize

rng = np.random.default_rng(3)
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # where each block keeps its scales
BLOCKS = 3


def quantised(name, halves):
    size = GGML_QUANT_SIZES[T[name]][1]
    b = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for at in halves:
        b[:, at:at + 2] = rng.normal(0, 0.05, (BLOCKS, 1)).astype("<f2").view(np.uint8)
    b[-1, halves[0]:halves[0] + 2] = np.array([3e-6], "<f2").view(np.uint8)  # a subnormal scale
    return b, dequantize(b, T[name]).astype("<f4")


def plain(dtype):
    if dtype.startswith("<f"):
        v = np.concatenate([rng.normal(0, 3, 27), [0, -0.0, np.inf, -np.inf, 6e-8]]).astype(dtype)
    else:
        info = np.iinfo(dtype)
        v = np.concatenate([rng.integers(info.min, info.max, 30, endpoint=True, dtype=dtype), np.array([info.min, info.max], dtype)])
    return v, v.astype("<f4")


out = {}
for name, halves in HALVES.items():
    out[name] = quantised(name, halves)
for name, dtype in {"F32": "<f4", "F16": "<f2", "I8": "i1", "U8": "u1", "I32": "<i4", "I64": "<i8"}.items():
    out[name] = plain(dtype)
bf = (rng.normal(0, 3, 32).astype("<f4").view("<u4") >> 16).astype("<u2")
out["BF16"] = bf, (bf.astype("<u4") << 16).view("<f4")
text = lambda a: base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()
path = pathlib.Path(__file__).with_name("decode.json")
path.write_text(json.dumps({k: {"blocks": text(b), "values": text(v)} for k, (b, v) in sorted(out.items())}, indent=1) + "\n")
