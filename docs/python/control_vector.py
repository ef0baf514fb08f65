"""Write with llama.cpp under a control vector that `patchbay run steer --save-vector joy.gguf` kept.

    pip install llama-cpp-python gguf numpy
    python control_vector.py joy.gguf model.gguf "What a" --scale 1 --count 12

llama.cpp's own programs take the file as it is: --control-vector joy.gguf. This does what they
do: direction.N is added, times the scale, to what block N leaves in the residual stream.
"""
import argparse
import ctypes

import gguf
import llama_cpp
import numpy as np


def directions(path, width, layers):
    """The file's directions as llama.cpp wants them: one row for each block from 1 on."""
    reader = gguf.GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    if architecture != "controlvector":
        raise SystemExit(f"{path} is a GGUF file of the architecture {architecture}, no control vector")
    rows = np.zeros((layers - 1, width), np.float32)
    for tensor in reader.tensors:
        layer = int(tensor.name.removeprefix("direction."))
        if tensor.data.shape != (width,) or not 1 <= layer < layers:
            raise SystemExit(f"{tensor.name} {tensor.data.shape} does not fit a model of {layers} layers and width {width}")
        rows[layer - 1] = tensor.data
    return rows


def greedy(model, prompt, count):
    """The likeliest tokens after the prompt."""
    model.reset()
    model.eval(model.tokenize(prompt.encode(), add_bos=True))
    out = []
    for _ in range(count):
        row = llama_cpp.llama_get_logits_ith(model._ctx.ctx, -1)
        out.append(int(np.ctypeslib.as_array(row, shape=(model.n_vocab(),)).argmax()))
        model.eval(out[-1:])
    return out, model.detokenize(out).decode(errors="replace")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vector")
    p.add_argument("model")
    p.add_argument("prompt")
    p.add_argument("--scale", type=float, default=1)
    p.add_argument("--count", type=int, default=24)
    a = p.parse_args()
    model = llama_cpp.Llama(a.model, n_ctx=1024, verbose=False)
    layers = llama_cpp.llama_model_n_layer(model.model)
    rows = np.ascontiguousarray(directions(a.vector, model.n_embd(), layers) * np.float32(a.scale))
    print("unsteered:", *greedy(model, a.prompt, a.count))
    pointer = rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    if llama_cpp.llama_set_adapter_cvec(model._ctx.ctx, pointer, rows.size, model.n_embd(), 1, layers):
        raise SystemExit("llama.cpp refuses the vector")
    print("steered:  ", *greedy(model, a.prompt, a.count))


main()
