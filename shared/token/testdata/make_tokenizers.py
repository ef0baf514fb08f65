"""Small tokenizers in Hugging Face's format, one per family, and golden ids.

usage: python make_tokenizers.py     (pip install tokenizers==0.23.3; writes FAMILY.json and tokenizers.json beside itself)

They are trained on this script and on the texts of splits.json, with byte-level BPE, so that the merges, the special tokens
and the families' settings (ignore_merges, BOS, NFC) are exercised without a real model's megabytes.
"""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre, processors, trainers

from make_splits import LLAMA3, QWEN2, texts

here = pathlib.Path(__file__).parent
corpus = [pathlib.Path(__file__).read_text(), (here / "make_splits.py").read_text(), *texts]


def level(**kw):
    return pre.ByteLevel(add_prefix_space=False, **kw)


FAMILIES = {
    "gpt2": level(use_regex=True),
    "smollm": pre.Sequence([pre.Digits(individual_digits=True), level(use_regex=True)]),
    "llama3": pre.Sequence([pre.Split(Regex(LLAMA3), "isolated"), level(use_regex=False)]),
    "qwen2": pre.Sequence([pre.Split(Regex(QWEN2), "isolated"), level(use_regex=False)]),
}

golden = {}
for name, pre_tokenizer in FAMILIES.items():
    t = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
    t.pre_tokenizer, t.decoder = pre_tokenizer, decoders.ByteLevel()
    t.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre.ByteLevel.alphabet(), special_tokens=["<|start|>", "<|im_end|>"], show_progress=False))
    t.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    if name == "llama3":
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="<|start|> $A", pair="<|start|> $A <|start|> $B", special_tokens=[("<|start|>", 0)])])
    if name == "qwen2":
        t.normalizer = normalizers.NFC()
    t.save(str(here / f"{name}.json"), pretty=False)
    t.normalizer = None  # as from a GGUF
    cases = [x for x in texts[::3] if x] + ["a<|im_end|>b<tool> c<|start|>", "<tool><tool>", "<|im_end|", "tokenizer trainers special_tokens 12345"]
    golden[name] = [{"text": x, "ids": t.encode(x).ids} for x in cases]

(here / "tokenizers.json").write_text(json.dumps(golden, separators=(",", ":")).replace("},{", "},\n{"))
