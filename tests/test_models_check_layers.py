"""A layer that is given what it cannot take: named, with what it got, from where, and what to write."""

from __future__ import annotations

import pytest
import torch

from tests.models_support import ids, images, mistake, module_cell, rows

TEXTBOOK = """
self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
self.fc1 = nn.Linear(64 * 6 * 6, 128)
self.fc2 = nn.Linear(128, 10)
self.relu = nn.ReLU()
self.pool = nn.MaxPool2d(2)
"""


def test_the_textbook_mistake() -> None:
    """`fc1` was sized for 6 × 6, after two padded convolutions on 32 × 32 pictures."""
    error = mistake(
        module_cell(
            TEXTBOOK,
            """
            x = self.relu(self.conv1(x))
            x = self.relu(self.conv2(x))
            x = x.view(x.size(0), -1)
            x = self.relu(self.fc1(x))
            x = self.fc2(x)
            return x
            """,
        ),
        images(),
    )
    assert str(error) == (
        "`fc1` takes 2304 features but gets 65536 (64 channels × 32 × 32 from `conv2`); "
        "write nn.Linear(65536, 128) or nn.LazyLinear(128)"
    )


SHAPES = {
    "after a pooling layer used twice": (
        TEXTBOOK,
        "x = self.pool(F.relu(self.conv1(x)))\nx = self.pool(F.relu(self.conv2(x)))\n"
        "return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))",
        images(),
        "`fc1` takes 2304 features but gets 4096 (64 channels × 8 × 8 from `pool` after `conv2`); "
        "write nn.Linear(4096, 128) or nn.LazyLinear(128)",
    ),
    "after functional pooling": (
        TEXTBOOK,
        "x = F.max_pool2d(F.relu(self.conv2(self.conv1(x))), 4)\nx = x.reshape(x.shape[0], -1)\n"
        "return self.fc2(self.fc1(x))",
        images(),
        "`fc1` takes 2304 features but gets 4096 (64 channels × 8 × 8 from `conv2`); "
        "write nn.Linear(4096, 128) or nn.LazyLinear(128)",
    ),
    "a view that does not fit": (
        TEXTBOOK,
        "x = self.conv2(self.conv1(x))\nx = x.view(-1, 64 * 6 * 5)\nreturn self.fc2(self.fc1(x))",
        images(),
        "`x = x.view(-1, 64 * 6 * 5)` (cell 2, line 12) does not fit (N, 64, 32, 32) from `conv2`: "
        "one item has 64 channels × 32 × 32 = 65536 values; write x.flatten(1)",
    ),
    "a view that mixes the items": (
        TEXTBOOK.replace("64 * 6 * 6", "1024"),
        "x = self.conv2(self.conv1(x))\nx = x.view(-1, 1024)\nreturn self.fc2(self.fc1(x))",
        images(),
        "`x = x.view(-1, 1024)` (cell 2, line 12) turns (N, 64, 32, 32) from `conv2` into (256, "
        "1024) and mixes "
        "the items of the batch: one item has 64 channels × 32 × 32 = 65536 values; "
        "write x.flatten(1) and nn.Linear(65536, 128) for `fc1`",
    ),
    "no flattening": (
        TEXTBOOK,
        "return self.fc2(self.fc1(self.conv2(self.conv1(x))))",
        images(),
        "`fc1` takes 2304 features but gets 32, the last of (N, 64, 32, 32) from `conv2`; "
        "write x = x.flatten(1) before it and nn.Linear(65536, 128)",
    ),
    "rows without a channel dimension": (
        "self.fc = nn.Linear(784, 10)",
        "return self.fc(x)",
        torch.randn(4, 28, 28),
        "`fc` takes 784 features but gets 28, the last of (N, 28, 28) from the data; "
        "write x = x.flatten(1) before it",
    ),
    "two linear layers": (
        "self.fc1 = nn.Linear(8, 16)\nself.fc2 = nn.Linear(32, 10)",
        "return self.fc2(torch.relu(self.fc1(x)))",
        rows(8),
        "`fc2` takes 32 features but gets 16 from `fc1`; write nn.Linear(16, 10) or nn.LazyLinear(10)",
    ),
    "the first layer": (
        "self.fc = nn.Linear(9, 10, bias=False)",
        "return self.fc(x)",
        rows(8),
        "`fc` takes 9 features but gets 8 from the data; "
        "write nn.Linear(8, 10, bias=False) or nn.LazyLinear(10)",
    ),
    "concatenated features": (
        "self.a = nn.Linear(3, 4)\nself.b = nn.Linear(3, 4)\nself.fc = nn.Linear(4, 10)",
        "return self.fc(torch.cat([self.a(x), self.b(x)], 1))",
        rows(),
        "`fc` takes 4 features but gets 8 from `a` and `b`; write nn.Linear(8, 10) or nn.LazyLinear(10)",
    ),
    "channels between convolutions": (
        "self.conv1 = nn.Conv2d(3, 16, 3)"
        "\nself.conv2 = nn.Conv2d(32, 64, (3, 5), padding='same', bias=False)",
        "return self.conv2(self.conv1(x))",
        images(),
        "`conv2` takes 32 channels but gets 16 from `conv1`; "
        "write nn.Conv2d(16, 64, (3, 5), padding='same', bias=False)",
    ),
    "grey pictures": (
        "self.conv1 = nn.Conv2d(3, 16, 3)",
        "return self.conv1(x)",
        images(1),
        "`conv1` takes 3 channels but gets 1 from the data; write nn.Conv2d(1, 16, 3)",
    ),
    "channels last": (
        "self.conv1 = nn.Conv2d(3, 16, 3)",
        "return self.conv1(x)",
        torch.randn(4, 28, 28, 3),
        "`conv1` takes 3 channels but gets 28 from the data: the channels come last in (N, 28, 28, 3); "
        "write x = x.permute(0, 3, 1, 2)",
    ),
    "no channel dimension": (
        "self.conv1 = nn.Conv2d(1, 16, 3)",
        "return self.conv1(x)",
        torch.randn(4, 28, 28),
        "`conv1` takes (N, 1, H, W) but gets (N, 28, 28) from the data: the channel dimension is missing; "
        "write x = x.unsqueeze(1)",
    ),
    "flat pictures": (
        "self.conv1 = nn.Conv2d(1, 16, 3)",
        "return self.conv1(x)",
        rows(784),
        "`conv1` takes (N, 1, H, W) but gets (N, 784) from the data; write x = x.unflatten(1, (1, 28, 28))",
    ),
    "embeddings into a 1d convolution": (
        "self.emb = nn.Embedding(50, 16)\nself.conv = nn.Conv1d(16, 8, 3)",
        "return self.conv(self.emb(x))",
        ids(),
        "`conv` takes 16 channels but gets 7 from `emb`: the channels come last in (N, 7, 16); "
        "write x = x.permute(0, 2, 1)",
    ),
    "a kernel larger than what is left": (
        "self.conv1 = nn.Conv2d(3, 16, 5)\nself.pool = nn.MaxPool2d(8)\nself.conv2 = nn.Conv2d(16, 16, 5)",
        "return self.conv2(self.pool(self.conv1(x)))",
        images(),
        "`conv2` has a 5 × 5 window but only 3 × 3 is left from `pool` after `conv1`; "
        "use larger inputs, fewer poolings or strides, or padding",
    ),
    "one pooling too many": (
        "self.conv = nn.Conv2d(3, 16, 3)\nself.pool = nn.MaxPool2d(4)",
        "return self.pool(self.pool(self.pool(self.conv(x))))",
        images(),
        "`pool` has a 4 × 4 window but only 1 × 1 is left from `pool` after `conv`; "
        "use larger inputs, fewer poolings or strides, or padding",
    ),
    "batch norm channels": (
        "self.conv = nn.Conv2d(3, 16, 3)\nself.bn = nn.BatchNorm2d(32)",
        "return self.bn(self.conv(x))",
        images(),
        "`bn` takes 32 channels but gets 16 from `conv`; write nn.BatchNorm2d(16)",
    ),
    "batch norm dimensions": (
        "self.fc = nn.Linear(3, 16)\nself.bn = nn.BatchNorm2d(16)",
        "return self.bn(self.fc(x))",
        rows(),
        "`bn` takes 4 dimensions but gets (N, 16) from `fc`; write nn.BatchNorm1d(16)",
    ),
    "layer norm": (
        "self.fc = nn.Linear(3, 16)\nself.ln = nn.LayerNorm(8)",
        "return self.ln(self.fc(x))",
        rows(),
        "`ln` normalises 8 values but gets 16, the last of (N, 16) from `fc`; write nn.LayerNorm(16)",
    ),
    "group norm": (
        "self.conv = nn.Conv2d(3, 16, 3)\nself.gn = nn.GroupNorm(4, 8)",
        "return self.gn(self.conv(x))",
        images(),
        "`gn` takes 8 channels but gets 16 from `conv`; write nn.GroupNorm(4, 16)",
    ),
    "a token outside of the vocabulary": (
        "self.emb = nn.Embedding(50, 16)",
        "return self.emb(x)",
        torch.tensor([[3, 77]] * 4),
        "`emb` takes ids 0 … 49 but gets 77; write nn.Embedding(78, 16) or larger: the size of the "
        "vocabulary",
    ),
    "lstm features": (
        "self.emb = nn.Embedding(50, 16)\nself.lstm = nn.LSTM(32, 8, batch_first=True)",
        "return self.lstm(self.emb(x))[0]",
        ids(),
        "`lstm` takes 32 features but gets 16, the last of (N, 7, 16) from `emb`; "
        "write nn.LSTM(16, 8, batch_first=True)",
    ),
    "the pair of an lstm": (
        "self.lstm = nn.LSTM(3, 8, batch_first=True)\nself.fc = nn.Linear(8, 10)",
        "return self.fc(self.lstm(x))",
        torch.randn(4, 7, 3),
        "`fc` takes a tensor but gets the pair (output, state) of `lstm`; write x, _ = self.lstm(x)",
    ),
    "transformer width": (
        "self.emb = nn.Embedding(50, 16)\n"
        "self.enc = nn.TransformerEncoderLayer(32, 2, dim_feedforward=8, batch_first=True)",
        "return self.enc(self.emb(x))",
        ids(),
        "`enc.self_attn` takes 32 features but gets 16, the last of (N, 7, 16) from `emb`; "
        "make both the same: d_model or embed_dim = 16",
    ),
    "adding two sizes": (
        "self.a = nn.Conv2d(3, 8, 3)\nself.b = nn.Conv2d(3, 8, 3, padding=1)",
        "x = self.a(x) + self.b(x)\nreturn x",
        images(),
        "`x = self.a(x) + self.b(x)` (cell 2, line 7) fails with (N, 8, 30, 30) from `a` and (N, "
        "8, 32, 32) from "
        "`b`: The size of tensor a (30) must match the size of tensor b (32) at non-singleton dimension 3.",
    ),
    "uint8 pictures": (
        "self.conv = nn.Conv2d(3, 16, 3)",
        "return self.conv(x)",
        torch.ones(4, 3, 8, 8, dtype=torch.uint8),
        "`conv` takes float32 but gets uint8 from the data; "
        "pictures are scaled first: x.float() / 255, or transforms.ToTensor() in the data",
    ),
    "float64 rows": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x)",
        rows().double(),
        "`fc` takes float32 but gets float64 from the data; "
        "write x.float(), or torch.tensor(…, dtype=torch.float32) where the data is made",
    ),
    "token ids into a linear layer": (
        "self.fc = nn.Linear(7, 10)",
        "return self.fc(x)",
        ids(),
        "`fc` takes float32 but gets int64 from the data; "
        "token ids go through an nn.Embedding first, numbers through x.float()",
    ),
    "numbers into an embedding": (
        "self.emb = nn.Embedding(50, 16)",
        "return self.emb(x)",
        rows(),
        "`emb` takes int64 ids but gets float32 from the data; write x.long() before it",
    ),
    "a double model": (
        "self.fc = nn.Linear(3, 10).double()",
        "return self.fc(x)",
        rows(),
        "`fc` takes float64 but gets float32 from the data; its weights are float64: write model.float()",
    ),
    "a layer on another device": (
        "self.fc1 = nn.Linear(3, 10)\nself.fc2 = nn.Linear(10, 10, device='meta')",
        "return self.fc2(self.fc1(x))",
        rows(),
        "`fc2` is on meta but gets a tensor on cpu from `fc1`; make new tensors in forward with "
        "device=x.device, "
        "and keep every layer on one device",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_layer_cannot_take(name: str) -> None:
    init, forward, inputs, message = SHAPES[name]
    error = mistake(module_cell(init, forward), inputs)
    assert str(error) == message


def test_a_layer_in_a_sequential_is_named_with_its_kind() -> None:
    error = mistake(
        "Net = lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(7200, 10))", images()
    )
    assert str(error) == (
        "`2` (Linear) takes 7200 features but gets 30, the last of (N, 8, 30, 30) from `0`; "
        "put nn.Flatten() before it"
    )


def test_a_layer_inside_a_block_is_named_with_its_path() -> None:
    error = mistake(
        "class Block(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(5, 10)\n"
        "    def forward(self, x): return self.fc(x)\n"
        + module_cell("self.a = nn.Linear(3, 4)\nself.block = Block()", "return self.block(self.a(x))"),
        rows(),
    )
    assert str(error) == (
        "`block.fc` takes 5 features but gets 4 from `a`; write nn.Linear(4, 10) or nn.LazyLinear(10)"
    )


def test_batch_norm_of_a_single_row() -> None:
    error = mistake(
        module_cell("self.fc = nn.Linear(3, 10)\nself.bn = nn.BatchNorm1d(10)", "return self.bn(self.fc(x))"),
        torch.randn(1, 3),
        torch.tensor([9]),
    )
    assert str(error) == (
        "`bn` gets one value per channel, (1, 10) from `fc`: there is nothing to normalise; "
        "train with batches of 2 or more (drop_last=True in a DataLoader)"
    )
