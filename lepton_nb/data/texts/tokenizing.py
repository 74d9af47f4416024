"""A tokenizer of the data's own words, learned from the training split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lepton_nb.errors import DataError

PAD, UNKNOWN = "[PAD]", "[UNK]"  # ids 0 and 1
VOCABULARY = 8000
LONGEST = 256  # tokens a text is cut at, where nobody asks for more
COVERED = 95  # percent of the training texts that are not cut


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> str:
    """Byte-pair encoding (Sennrich et al. 2016) of lower-cased words, as ``Tokenizer.to_str()``.

    Pairs must occur twice to become a token; the characters of the training texts are all in the
    vocabulary, others read as ``[UNK]``. ``[PAD]`` has id 0. A word's first token starts with ``▁``: with
    BERT's ``##`` on the others, the trainer numbers tokens in another order in every process.

    Raises:
        DataError: If the tokenizers package is not installed.
    """
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    except ImportError:
        raise DataError(
            "Texts need the tokenizers package, which is not installed.", 'pip install "lepton-nb[text]"'
        ) from None
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[PAD, UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    serialized: str = tokenizer.to_str()
    return serialized


def choose_length(counts: np.ndarray) -> int:
    """The length that `COVERED` percent of the texts fit in, at most `LONGEST` tokens."""
    return int(min(LONGEST, max(1, np.ceil(np.percentile(counts, COVERED)))))
