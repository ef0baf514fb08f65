"""Pocket: a decoder of the llama family, small enough to read whole.

Rotary positions turn neighbouring pairs of a head's dimensions, as llama.cpp's files have it, so
the weights go into the GGUF as they are.
"""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Shape:
    vocab: int
    layers: int = 8
    width: int = 128
    heads: int = 4
    inner: int = 384
    context: int = 512
    theta: float = 10000.0
    eps: float = 1e-5


class Block(nn.Module):
    """Attention and a gated MLP, each reading a normed residual stream and adding to it."""

    def __init__(self, s: Shape):
        super().__init__()
        lin = lambda a, b: nn.Linear(a, b, bias=False)
        self.heads = s.heads
        self.attn_norm, self.ffn_norm = nn.RMSNorm(s.width, eps=s.eps), nn.RMSNorm(s.width, eps=s.eps)
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (lin(s.width, s.width) for _ in range(4))
        self.ffn_gate, self.ffn_up, self.ffn_down = lin(s.width, s.inner), lin(s.width, s.inner), lin(s.inner, s.width)

    def forward(self, x, rope, mask, heads_kept=None):
        b, t, d = x.shape
        h = self.attn_norm(x)
        q, k, v = (w(h).view(b, t, self.heads, -1).transpose(1, 2) for w in (self.attn_q, self.attn_k, self.attn_v))
        z = attend(turn(q, rope), turn(k, rope), v, mask)
        if heads_kept is not None:
            z = heads_kept(z)  # [batch, head, token, head width]
        x = x + self.attn_output(z.transpose(1, 2).reshape(b, t, d))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


def attend(q, k, v, mask):
    """Plain attention: on short rows and two cores faster, backwards, than torch's fused one."""
    if mask is None:
        mask = q.new_full((q.shape[2], q.shape[2]), -1e9).triu(1)
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    return (scores + mask).softmax(-1, dtype=scores.dtype).to(v.dtype) @ v


def turn(x, rope):
    """Rotate each pair of dimensions (2i, 2i+1) by its position's angle."""
    cos, sin = rope[0][: x.shape[2]].to(x.dtype), rope[1][: x.shape[2]].to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Pocket(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.shape = s
        self.token_embd = nn.Embedding(s.vocab, s.width)
        self.blk = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.output_norm = nn.RMSNorm(s.width, eps=s.eps)
        half = s.width // s.heads // 2
        angle = torch.arange(s.context)[:, None] / s.theta ** (torch.arange(half) / half)
        self.register_buffer("rope", torch.stack((angle.cos(), angle.sin())), persistent=False)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, std=0.5 * m.in_features**-0.5)
        nn.init.normal_(self.token_embd.weight, std=0.05)
        for b in self.blk:
            nn.init.zeros_(b.attn_output.weight)
            nn.init.zeros_(b.ffn_down.weight)

    def forward(self, ids, masks=None, edit=None, heads=None):
        """ids [batch, token] to the states before and after every block; read gives logits.

        masks(l) is what block l adds to attention scores; edit(l, x) may change what block l leaves.
        """
        x = self.token_embd(ids)
        states = [x]
        for l, b in enumerate(self.blk):
            x = b(x, self.rope, masks(l) if masks else None, heads(l) if heads else None)
            if edit is not None:
                x = edit(l, x)
            states.append(x)
        return states

    def read(self, x):
        """The final norm and the unembedding, which is the embedding."""
        return F.linear(self.output_norm(x), self.token_embd.weight)
