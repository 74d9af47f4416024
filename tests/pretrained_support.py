"""Tiny pretrained models as `save_pretrained` leaves them: a folder with weights and a tokenizer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ["a", "the", "good", "bad", "film", "indeed", "was", "never", "Rome", "Ann", "Bo", "lives", "in"]
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}


def save_tokenizer(folder: Path) -> Any:
    """A tokenizer of whole words that puts ``[CLS]`` and ``[SEP]`` around a text."""
    from transformers import PreTrainedTokenizerFast

    ids = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    wrapped.save_pretrained(folder)
    return wrapped


def save_bert(folder: Path, labels: int = 5) -> Path:
    """A BERT with random weights, for other classes than the tests' data have."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = save_tokenizer(folder)
    config = BertConfig(vocab_size=len(tokenizer), num_labels=labels, **SIZES)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def films(items: int = 120, seed: int = 0) -> pd.DataFrame:
    """Texts whose label one word tells."""
    chosen = random.Random(seed)
    rows = []
    for number in range(items):
        words = chosen.choices(["a", "the", "film", "indeed", "was"], k=chosen.randint(4, 9))
        words[chosen.randrange(len(words))] = "good" if number % 2 else "bad"
        rows.append((" ".join(words), "pos" if number % 2 else "neg"))
    return pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text")
