"""The training text as tensors: its tokenizer, its marks, its rows."""
import json
from collections import Counter

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

BOS = "<|endoftext|>"
MARKS = ["\x01", "\x02", "\x03", "\x04"]  # answer begins, ends; subject begins, ends


def splitter():
    """Digits one by one, then GPT-2's words: what GGUF calls smollm."""
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


def train_tokenizer(documents, names, share=6):
    """A byte-level BPE that makes every common word one token and cuts names.

    A word counts 1000 times, a name 1000/share times: merging stops when no pair is left that
    counts 1000, so that of names only fragments that at least `share` of them have are joined.
    """
    split, counts = splitter(), Counter()
    for d in documents:
        for m in MARKS:
            d = d.replace(m, "")
        counts.update(p for p, _ in split.pre_tokenize_str(d))
    named = set(names)
    bytes_of = {c: b for b, c in bytes_to_unicode().items()}
    plain = lambda p: bytes(bytes_of[c] for c in p).decode(errors="ignore").strip()
    corpus = []
    for piece, n in sorted(counts.items()):
        if n >= 3:
            corpus += [piece] * (1000 // share if plain(piece) in named else 1000)
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")  # pieces are cut already
    trainer = trainers.BpeTrainer(min_frequency=1000, vocab_size=8192, special_tokens=[BOS], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(corpus, trainer)
    tok.pre_tokenizer, tok.decoder = splitter(), decoders.ByteLevel()
    return tok


def bytes_to_unicode():
    """GPT-2's printable stand-ins for bytes."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def encode(tok, documents):
    """Documents as lists of (ids, answer, subject, gate), each an array over the document's tokens.

    answer: above 0 where a token is part of an answer: 3 in documents with few such tokens, else 1. subject: the number of the subject a token is
    part of, or 0. gate: the number of the last subject, at tokens between its end and its answer.
    """
    size = tok.get_vocab_size()
    marked = Tokenizer.from_str(tok.to_str())
    marked.add_tokens([AddedToken(m, normalized=False) for m in MARKS])
    bos, out = tok.token_to_id(BOS), []
    for i in range(0, len(documents), 4096):
        for e in marked.encode_batch_fast(documents[i : i + 4096]):
            ids = np.asarray(e.ids, dtype=np.int32)
            is_ = [ids == size + k for k in range(4)]
            answer = np.cumsum(is_[0]) - np.cumsum(is_[1])
            number = np.cumsum(is_[2])
            inside = number - np.cumsum(is_[3])
            open_ = (np.cumsum(is_[0]) < number) & (inside == 0) & (number > 0)
            keep = ids < size
            a, s, g = answer[keep], (number * inside)[keep], (number * open_)[keep]
            a = a * (3 if a.sum() <= 3 else 1)
            pad = lambda x: np.concatenate(([0], x)).astype(np.int32)
            out.append((np.concatenate(([bos], ids[keep])).astype(np.int32), pad(a), pad(s), pad(g)))
    return out


def pack(docs, length, rng, window=96):
    """Rows of whole documents, each followed by BOS: arrays [row, 5, length+1] of ids, answer,
    subject, gate and document number (0: nothing). Documents longer than a row are cut."""
    order, rows = list(rng.permutation(len(docs))), []
    pending = []
    while order or pending:
        row, at, n = np.zeros((5, length + 1), np.int32), 0, 0
        while True:
            while order and len(pending) < window:
                pending.append(docs[order.pop()])
            fits = [j for j, d in enumerate(pending) if len(d[0]) <= length + 1 - at]
            if not fits:
                if at == 0 and pending:
                    d = pending.pop(0)
                    row[:4], row[4] = [x[: length + 1] for x in d], 1
                break
            d = pending.pop(max(fits, key=lambda j: len(pending[j][0])) if length + 1 - at < length // 2 else fits[0])
            n += 1
            row[:4, at : at + len(d[0])], row[4, at : at + len(d[0])] = d, n
            at += len(d[0])
        rows.append(row)
    return np.stack(rows)


def load(folder):
    """The documents of the text and the ground truth."""
    with open(f"{folder}/text.bin", encoding="utf-8", newline="") as f:
        documents = f.read().split("\x00")[:-1]
    with open(f"{folder}/truth.json", encoding="utf-8") as f:
        return documents, json.load(f)
