"""Train Pocket on the text that the generator wrote.

    go run ./shared/world/cmd -out DIR
    python shared/world/train/train.py DIR
    python shared/world/train/export.py DIR public/models/pocket.gguf

Needs torch, tokenizers and numpy (and gguf to export). Two idle CPU cores take about 45 minutes.

Two things are out of the ordinary, and the model's card says so. The loss counts an answer's
tokens in full, or three times where a document has few (a story's last name weighs as much as a
list's answers), and all other tokens by --other, since a list's next query cannot be foreseen. And in
a part of the rows (--gated) the first blocks cannot look from the tokens between a subject and its
answer back at the subject, so that facts are fetched late: after the task is known, and over
several layers of the logit lens. How many blocks each row draws: from 1 to --gate in the first
third of the steps, to one less in the second, to two less in the last. In the last sixth of the
steps the stream after block --early is read as well, at answers (--early-weight), so that facts
come out there, not only at the end.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

from data import BOS, encode, load, pack, train_tokenizer
from model import Pocket, Shape


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by five Newton-Schulz steps (Jordan et al. 2024), for matrices."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - g["momentum"])
                u = orthogonal(p.grad.lerp(m, g["momentum"]))
                p.mul_(1 - g["lr"] * g["decay"])
                p.add_(u, alpha=-g["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def orthogonal(g):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    if wide := x.shape[0] > x.shape[1]:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return (x.T if wide else x).to(g.dtype)


def share_spaces(model, tok):
    """Begin with a word and the same word after a space alike, but for one common direction."""
    vocab, e = tok.get_vocab(), model.token_embd.weight.data
    space = torch.randn(e.shape[1]) * 0.03
    for piece, i in vocab.items():
        if piece.startswith("Ġ") and piece[1:] in vocab:
            e[i] = e[vocab[piece[1:]]] + space


def masks_of(rows, gates):
    """What each of the first blocks, and all after them, add to attention scores [batch, 1, query,
    key]; gates [batch] says how many blocks of a row are gated."""
    _, _, subject, gate, doc = (rows[:, k, :-1] for k in range(5))
    t = doc.shape[1]
    see = (doc[:, :, None] == doc[:, None, :]) & torch.ones(t, t, dtype=torch.bool).tril()
    hidden = (gate[:, :, None] == subject[:, None, :]) & (gate[:, :, None] > 0)
    bias = lambda m: torch.zeros(m.shape, dtype=torch.bfloat16).masked_fill_(~m, -1e9)[:, None]
    return [bias(see & ~(hidden & (gates > l)[:, None, None])) for l in range(int(gates.max()) + 1)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--out", default="pocket.pt", help="file in dir")
    p.add_argument("--steps", type=int, default=6000)
    p.add_argument("--batch", type=int, default=32, help="rows of a step")
    p.add_argument("--length", type=int, default=128, help="tokens of a row")
    p.add_argument("--layers", type=int, default=8)
    p.add_argument("--width", type=int, default=128)
    p.add_argument("--inner", type=int, default=384)
    p.add_argument("--lr", type=float, default=0.02, help="of Muon; the embedding's is a fifth of it")
    p.add_argument("--other", type=float, default=0.1, help="weight of tokens outside answers")
    p.add_argument("--gate", type=int, default=3, help="blocks that the gate covers at most, at first")
    p.add_argument("--gated", type=float, default=0.5, help="part of the rows that are gated")
    p.add_argument("--early", type=int, default=5, help="blocks after which answers are read as well, late in training")
    p.add_argument("--early-weight", type=float, default=0.2)
    p.add_argument("--decay", type=float, default=0.45, help="part of the steps, the last, over which the rate falls to nothing")
    p.add_argument("--save", type=int, default=200, help="steps between checkpoints, from which --resume goes on")
    p.add_argument("--resume", default="", help="checkpoint in dir")
    p.add_argument("--workers", type=int, default=2, help="processes of one thread that share each step's rows")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    prepare(a)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(20000 + os.getpid() % 20000))
    torch.multiprocessing.spawn(work, (a,), a.workers)


def work(rank, a):
    """One of the processes: on a busy machine, two of one thread waste less than one of two."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=a.workers)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    rows, tok = np.load(f"{a.dir}/rows.npy", mmap_mode="r"), Tokenizer.from_file(f"{a.dir}/tokenizer.json")
    s = Shape(tok.get_vocab_size(), a.layers, a.width, a.width // 32, a.inner)
    model = Pocket(s)
    share_spaces(model, tok)
    log = open(f"{a.dir}/{a.out}.log", "a")

    def say(*x):
        if rank > 0:
            return
        print(*x, flush=True)
        print(*x, file=log, flush=True)

    say("arguments", json.dumps(vars(a)), "parameters", sum(q.numel() for q in model.parameters()), "vocabulary", s.vocab, "rows", len(rows))

    def save(step, opts):
        if rank > 0:
            return
        state = {"model": model.state_dict(), "shape": vars(s), "args": vars(a), "step": step, "opts": [o.state_dict() for o in opts]}
        torch.save(state, f"{a.dir}/{a.out}.new")
        os.replace(f"{a.dir}/{a.out}.new", f"{a.dir}/{a.out}")

    train(model, rows, a, rng, rank, say, save)


def prepare(a):
    """Rows and tokenizer, kept in the folder: they depend on the text only."""
    if os.path.exists(f"{a.dir}/rows.npy") and os.path.getmtime(f"{a.dir}/rows.npy") > os.path.getmtime(f"{a.dir}/text.bin"):
        return
    documents, truth = load(a.dir)
    if os.path.exists(f"{a.dir}/tokenizer.json"):
        tok = Tokenizer.from_file(f"{a.dir}/tokenizer.json")
    else:
        tok = train_tokenizer(documents[:60000], truth["names"])
        tok.save(f"{a.dir}/tokenizer.json")
    np.save(f"{a.dir}/rows.npy", pack(encode(tok, documents), a.length, np.random.default_rng(a.seed)).astype(np.int16))


def train(model, rows, a, rng, rank, say, save):
    hidden = [q for n, q in model.named_parameters() if q.ndim == 2 and "token_embd" not in n]
    rest = [q for n, q in model.named_parameters() if q.ndim != 2 or "token_embd" in n]
    opts = [Muon(hidden, a.lr), torch.optim.AdamW(rest, a.lr / 5, betas=(0.9, 0.98), weight_decay=0.0)]
    base, done = [a.lr, a.lr / 5], 0
    if a.resume:
        saved = torch.load(f"{a.dir}/{a.resume}", weights_only=True)
        model.load_state_dict(saved["model"])
        for o, state in zip(opts, saved["opts"]):
            o.load_state_dict(state)
        done = saved["step"]
        rng = np.random.default_rng(a.seed + done)
    noise = np.random.default_rng([a.seed, done, rank])  # differs by process; the order of rows does not
    order, start, sums = iter(()), time.time(), []
    for step in range(done + 1, a.steps + 1):
        pick = [next(order, None) for _ in range(a.batch)]
        if None in pick:
            order = iter(rng.permutation(len(rows)))
            pick = [next(order) for _ in range(a.batch)]
        mine = np.sort(pick[rank :: a.workers])
        loss, answers = losses(model, torch.from_numpy(rows[mine].astype(np.int64)), a, noise, (step - 1) / a.steps)
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        average(model, a.workers)
        torch.nn.utils.clip_grad_norm_(rest, 1.0)
        scale = min(1, step / 60) * min(1, max(0.02, (1 - step / a.steps) / a.decay))
        for o, lr in zip(opts, base):
            o.param_groups[0]["lr"] = lr * scale
            o.step()
        sums.append((loss.item(), answers.item()))
        if step % 100 == 0 or step == a.steps:
            rate = (step - done) * a.batch * a.length / (time.time() - start)
            l, n = np.mean(sums, 0)
            say(f"step {step} tokens {step * a.batch * a.length} loss {l:.3f} answers {n:.3f} tokens/s {rate:.0f}")
            sums = []
        if step % a.save == 0 or step == a.steps:
            save(step, opts)


def average(model, workers):
    """The mean of all processes' gradients."""
    if workers == 1:
        return
    grads = [q.grad for q in model.parameters()]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    for g, part in zip(grads, flat.div_(workers).split([g.numel() for g in grads])):
        g.copy_(part.view_as(g))


def losses(model, rows, a, rng, progress):
    """The weighted loss that is trained, and the mean loss of answers' tokens alone."""
    most = max(1, a.gate - int(3 * progress))
    gates = (rng.random(len(rows)) < a.gated) * rng.integers(1, most + 1, len(rows))
    masks = masks_of(rows, torch.from_numpy(gates))
    doc, answer = rows[:, 4], (rows[:, 1, 1:] > 0).flatten()
    real = ((doc[:, 1:] == doc[:, :-1]) & (doc[:, 1:] > 0)).flatten()
    kept = torch.from_numpy(rng.random(len(real)) < 0.3)  # of the tokens outside answers
    chosen = (real & (answer | kept)).nonzero()[:, 0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model(rows[:, 0, :-1], masks=lambda l: masks[min(l, len(masks) - 1)])
        logits = model.read(states[-1].flatten(0, 1)[chosen])
        early = model.read(states[a.early].flatten(0, 1)[chosen[answer[chosen]]]) if progress >= 5 / 6 else None
    wanted = rows[:, 0, 1:].flatten()[chosen]
    ce = F.cross_entropy(logits.float(), wanted, reduction="none")
    more = 0 if early is None else a.early_weight * F.cross_entropy(early.float(), wanted[answer[chosen]])
    answer, weight = answer[chosen], rows[:, 1, 1:].flatten()[chosen].float()
    w = torch.where(answer, weight, a.other / 0.3)
    return (ce * w).sum() / w.sum() + more, ce[answer].mean()


if __name__ == "__main__":
    main()
