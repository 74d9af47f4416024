"""Networks for sentences: int64 token ids ``(N, L)``, padded on the right with `pad_id`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values (N, L, D)`` over the positions where ``mask (N, L)`` is true; zeros where none is."""
    weights = mask.unsqueeze(-1).to(values.dtype)
    return (values * weights).sum(1) / weights.sum(1).clamp(min=1)


class BagOfEmbeddings(nn.Module):
    """The sum of the word vectors, and a linear layer: fastText's classifier, made for small data.

    Joulin et al., "Bag of Tricks for Efficient Text Classification" (EACL 2017), without the n-grams. The sum
    is divided by the square root of the length, so that one strong word counts in a long sentence too, and
    words are dropped in training as in Iyyer et al., "Deep Unordered Composition" (ACL 2015).

    Args:
        vocab_size: Token ids the tokenizer can give.
        num_classes: Logits.
        width: Length of a token's vector.
        dropout: Share of the summed vector dropped in training.
        word_dropout: Share of the words left out in training.
        pad_id: The id that fills short sentences; it does not count.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        width: int = 64,
        dropout: float = 0.3,
        word_dropout: float = 0.4,
        pad_id: int = 0,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.num_classes = num_classes
        self.width = width
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        # Small, so that words too rare to learn from stay quiet.
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(width, num_classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """``(N, L)`` int64 to logits ``(N, num_classes)``."""
        kept = input_ids != self.pad_id
        length = kept.sum(1, keepdim=True).clamp(min=1).to(self.embedding.weight.dtype)
        if self.training:
            kept = kept & (torch.rand(input_ids.shape, device=input_ids.device) >= self.word_dropout)
        summed = (self.embedding(input_ids) * kept.unsqueeze(-1)).sum(1)
        logits: Tensor = self.head(self.drop(summed / length.sqrt()))
        return logits


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and a feed-forward part, each with a residual connection.

    Vaswani et al., "Attention Is All You Need" (2017), with the norms first as in Xiong et al., "On Layer
    Normalization in the Transformer Architecture" (ICML 2020), which trains without warm-up.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``x (N, L, D)``; ``mask (N, 1, 1, L)``: true at the positions that may be attended to."""
        x = x + self.drop(self.attend(self.norm1(x), mask))
        y: Tensor = x + self.drop(self.feed(self.norm2(x)))
        return y

    def attend(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return attended


class TextTransformer(nn.Module):
    """A small transformer encoder with learned positions, mean-pooled over the real tokens.

    It has its own attention layer in place of `nn.TransformerEncoder`, whose nested-tensor fast path
    cannot be exported.

    Args:
        vocab_size: Token ids the tokenizer can give.
        num_classes: Logits.
        max_length: Longest sentence in tokens, ``L``.
        width: Length of a token's vector; a multiple of `heads`.
        heads: Attention heads.
        depth: Encoder layers.
        dropout: Share dropped in training.
        pad_id: The id that fills short sentences; never attended to.
    """

    def __init__(
        self,
        vocab_size: int,
        num_classes: int,
        max_length: int = 64,
        width: int = 64,
        heads: int = 4,
        depth: int = 2,
        dropout: float = 0.1,
        pad_id: int = 0,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.num_classes = num_classes
        self.max_length = max_length
        self.width = width
        self.heads = heads
        self.depth = depth
        self.dropout = dropout
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.position = nn.Parameter(0.02 * torch.randn(max_length, width))
        self.layers = nn.ModuleList(EncoderLayer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """``(N, L)`` int64 to logits ``(N, num_classes)``."""
        x = self.features(input_ids)
        logits: Tensor = self.head(masked_mean(x, input_ids != self.pad_id))
        return logits

    def features(self, input_ids: Tensor) -> Tensor:
        """A vector for each token, ``(N, L, width)``."""
        real = input_ids != self.pad_id
        # An empty sentence must attend to something: a softmax over nothing is NaN.
        first = torch.arange(input_ids.shape[1], device=input_ids.device) == 0
        mask = (real | first)[:, None, None, :]
        x = self.embedding(input_ids) + self.position[: input_ids.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        found: Tensor = self.norm(x)
        return found


class TokenTransformer(TextTransformer):
    """The same encoder with logits for every token."""

    def forward(self, input_ids: Tensor) -> Tensor:
        """``(N, L)`` int64 to logits ``(N, L, num_classes)``."""
        logits: Tensor = self.head(self.features(input_ids))
        return logits
