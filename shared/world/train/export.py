"""Write a trained Pocket as GGUF, matrices as q8_0, and check it against llama.cpp.

    python shared/world/train/export.py DIR public/models/pocket.gguf

Needs torch, tokenizers and gguf; llama-cpp-python for the check, which is left out without it.
"""
import argparse
import json

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from data import BOS
from model import Pocket, Shape


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("out")
    p.add_argument("--model", default="pocket.pt", help="file in dir")
    a = p.parse_args()
    saved = torch.load(f"{a.dir}/{a.model}", weights_only=True)
    tok = Tokenizer.from_file(f"{a.dir}/tokenizer.json")
    write(saved, tok, a.out)
    check(saved, tok, a.out)


def write(saved, tok, path):
    s = Shape(**saved["shape"])
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("Pocket")
    w.add_description("A small closed world for teaching; see its card")
    w.add_license("Apache-2.0")
    w.add_context_length(s.context)
    w.add_embedding_length(s.width)
    w.add_block_count(s.layers)
    w.add_feed_forward_length(s.inner)
    w.add_head_count(s.heads)
    w.add_head_count_kv(s.heads)
    w.add_layer_norm_rms_eps(s.eps)
    w.add_rope_freq_base(s.theta)
    w.add_rope_dimension_count(s.width // s.heads)
    w.add_vocab_size(s.vocab)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    tokenizer(w, tok)
    for name, t in saved["model"].items():
        x = t.float().numpy()
        if x.ndim == 2:
            q = gguf.quants.quantize(x, gguf.GGMLQuantizationType.Q8_0)
            w.add_tensor(name, q, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            w.add_tensor(name, x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def tokenizer(w, tok):
    """Byte-level BPE under the splitter smollm: digits one by one, then GPT-2's words."""
    vocab = sorted(tok.get_vocab().items(), key=lambda e: e[1])
    bos = tok.token_to_id(BOS)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list([p for p, _ in vocab])
    w.add_token_types([gguf.TokenType.CONTROL if i == bos else gguf.TokenType.NORMAL for _, i in vocab])
    merges = json.loads(tok.to_str())["model"]["merges"]
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    w.add_bos_token_id(bos)
    w.add_eos_token_id(bos)
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)


PROMPTS = ["Poland -> Warsaw\nGermany -> Berlin\nJapan ->", "The capital of Italy is", "Q: big\nA: small\n\nQ: hot\nA:", "User: How do I paint the boat with care?\nBot:",
           "When Anna and Tom went to the park, Anna gave a ball to", "cat, dog, cup -> cup\nbook, car, bell ->"]


@torch.no_grad()
def greedy(model, ids, n):
    for _ in range(n):
        ids = ids + [int(model.read(model(torch.tensor([ids]))[-1][0, -1]).argmax())]
    return ids


def check(saved, tok, path, n=12):
    """The same greedy tokens from the weights as trained and from llama.cpp on the file."""
    try:
        from llama_cpp import Llama
    except ImportError:
        return print("llama-cpp-python is not installed: the file is not checked against it")
    model = Pocket(Shape(**saved["shape"])).eval()
    model.load_state_dict(saved["model"])
    other, same = Llama(path, n_ctx=256, verbose=False, logits_all=False), 0
    for text in PROMPTS:
        ids = other.tokenize(text.encode(), add_bos=True, special=False)
        assert ids == [tok.token_to_id(BOS)] + tok.encode(text).ids, f"tokens differ for {text!r}: {ids}"
        ours, theirs = greedy(model, ids, n), list(ids)
        for t in other.generate(ids, temp=0.0, reset=True):
            theirs.append(t)
            if len(theirs) == len(ours):
                break
        same += ours == theirs
        print("same" if ours == theirs else "DIFFERENT", repr(tok.decode(theirs[len(ids):])), "" if ours == theirs else repr(tok.decode(ours[len(ids):])))
    print(f"{same} of {len(PROMPTS)} prompts give the same {n} greedy tokens in llama.cpp")


if __name__ == "__main__":
    main()
