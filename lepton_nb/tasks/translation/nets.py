"""An encoder and a decoder that attends to what it gave: the network of sequences to sequences."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton_nb.tasks.translation.tokens import PAD


class Attention(nn.Module):
    """Queries over keys and values of several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def remember(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values ``(N, H, L, D / H)`` of ``y (N, L, D)``."""
        keys, values = self.keys_values(y).chunk(2, -1)
        return self.split(keys), self.split(values)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """``x (N, T, D)``; `mask`, true where attention may go, spreads to ``(N, H, T, L)``."""
        mixed = F.scaled_dot_product_attention(self.split(self.query(x)), keys, values, attn_mask=mask)
        attended: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return attended

    def weights(self, x: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """How much of each key every position takes, ``(N, T, L)``: the mean over the heads."""
        scores = self.split(self.query(x)) @ keys.transpose(-1, -2) / keys.shape[-1] ** 0.5
        found: Tensor = scores.masked_fill(~mask, -torch.inf).softmax(-1).mean(1)
        return found

    def split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, x.shape[2] // self.heads).transpose(1, 2)


def feed_forward(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 4 * width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(4 * width, width),
    )


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward part, each with a norm before it and a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed = feed_forward(width, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.drop(self.attention(y, *self.attention.remember(y), mask))
        out: Tensor = x + self.drop(self.feed(x))
        return out


class DecoderLayer(nn.Module):
    """As the encoder's, with attention to what the encoder gave in between."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.cross_norm = nn.LayerNorm(width)
        self.cross = Attention(width, heads)
        self.feed = feed_forward(width, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, past: Tensor, causal: Tensor, memory: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys and values come stacked, ``(N, 2, H, L, D / H)``: `past` is given back with those of x."""
        y = self.norm(x)
        past = torch.cat([past, torch.stack(self.attention.remember(y), 1)], 3)
        x = x + self.drop(self.attention(y, *past.unbind(1), causal))
        x = x + self.drop(self.cross(self.cross_norm(x), *memory.unbind(1), real))
        return x + self.drop(self.feed(x)), past


class Transformer(nn.Module):
    """Vaswani et al., "Attention Is All You Need" (2017), with the norms first and one table of tokens.

    The table is shared by source, target and output (Press and Wolf, 2017). `encode` and `step` are what a
    service runs: the keys and values of what is written already come in and go out as an ordinary tensor.

    Args:
        vocab_size: Token ids there are, of both languages.
        max_length: Longest sequence in tokens, of either side.
        width: Length of a token's vector; a multiple of `heads`.
        depth: Layers of the encoder, and of the decoder.
        dropout: Share dropped in training.
    """

    def __init__(
        self,
        vocab_size: int,
        max_length: int = 64,
        width: int = 128,
        heads: int = 4,
        depth: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.tokens = nn.Embedding(vocab_size, width, padding_idx=PAD)
        nn.init.normal_(self.tokens.weight, std=width**-0.5)
        self.source_position = nn.Parameter(torch.randn(max_length, width))
        self.position = nn.Parameter(torch.randn(max_length, width))
        self.encoder = nn.ModuleList(EncoderLayer(width, heads, dropout) for _ in range(depth))
        self.encoded = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(DecoderLayer(width, heads, dropout) for _ in range(depth))
        self.decoded = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, source: Tensor, before: Tensor) -> Tensor:
        """Ids ``(N, S)`` and what stands before each token ``(N, T)``, to logits ``(N, T, V)``."""
        memory = self.encode(source)
        return self.step(source, memory, before, memory[:, :, :, :0])[0]

    def encode(self, source: Tensor) -> Tensor:
        """Keys and values for the decoder's layers, ``(N, 2 * depth, H, S, D / H)``."""
        mask = (source != PAD)[:, None, None]
        x = self.embed(source, self.source_position[: source.shape[1]])
        for layer in self.encoder:
            x = layer(x, mask)
        x = self.encoded(x)
        layers = (layer for layer in self.decoder if isinstance(layer, DecoderLayer))
        return torch.cat([torch.stack(layer.cross.remember(x), 1) for layer in layers], 1)

    def step(self, source: Tensor, memory: Tensor, before: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(N, T, V)`` after T more tokens, and the cache ``(N, 2 * depth, H, past + T, D / H)``."""
        start = cache.shape[3]
        x = self.embed(before, self.position[start : start + before.shape[1]])
        real = (source != PAD)[:, None, None]
        causal = causal_mask(before, cache)
        caches = []
        for index, layer in enumerate(self.decoder):
            pair = slice(2 * index, 2 * index + 2)
            x, past = layer(x, cache[:, pair], causal, memory[:, pair], real)
            caches.append(past)
        return F.linear(self.decoded(x), self.tokens.weight), torch.cat(caches, 1)

    def attention(self, source: Tensor, before: Tensor) -> Tensor:
        """What of the source the last layer looked at for each token, ``(N, T, S)``."""
        seen: list[Tensor] = []

        def look(cross: nn.Module, args: tuple[Tensor, ...]) -> None:
            assert isinstance(cross, Attention)
            x, keys, _, mask = args
            seen.append(cross.weights(x, keys, mask))

        last = self.decoder[-1]
        assert isinstance(last, DecoderLayer)
        hook = last.cross.register_forward_pre_hook(look)
        try:
            self(source, before)
        finally:
            hook.remove()
        return seen[0]

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        x: Tensor = self.drop(self.tokens(ids) * self.width**0.5 + positions)
        return x


def causal_mask(before: Tensor, cache: Tensor) -> Tensor:
    """True where a new position may look: all of the past, and no later one; ``(T, past + T)``."""
    past, new = cache.shape[3], before.shape[1]
    at = torch.arange(past + new, device=before.device)
    return at[None] <= at[past:, None]
