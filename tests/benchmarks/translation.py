"""English to French: chrF and BLEU on 300 unseen sentences with all their references, by seed.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.translation PATH/TO/eng-fra.tsv [--seeds 1]

PATH holds a sentence, a tab and its translation on each line. The best epoch is chosen by the chrF of the
validation split; nothing is chosen by the test.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.packaging import build_package
from lepton_nb.packaging.runners import load_graphs
from lepton_nb.runs import Run
from lepton_nb.tasks.base import Graphs
from lepton_nb.tasks.translation.codec import TranslationCodec
from lepton_nb.tasks.translation.learning import torch_graphs
from lepton_nb.tasks.translation.measures import corpus_scores, references_of, texts_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    bundle = data.load(args.path, task="translation", val_fraction=0.04, test_fraction=0.125)
    print(bundle.report)
    for seed in range(args.seeds):
        wall, cpu = time.perf_counter(), time.process_time()
        run = lepton_nb.train(None, bundle, recipe="translation", seed=seed, name=f"translation-{seed}")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"seed {seed}: {cpu:.0f} CPU s, {wall:.0f} s beside what else ran", flush=True)
        compare(run, bundle)


def compare(run: Run, bundle: DataBundle) -> None:
    """Print how good the answers are, and whether the package gives those of torch."""
    package = build_package(run)
    forms = {
        "torch": torch_graphs(run.live["model"]),
        "ONNX": load_graphs(package.path, "onnx", package.manifest.graphs),
    }
    for beams in (1, 4):
        answers = {form: answered(graphs, bundle, beams) for form, graphs in forms.items()}
        same = sum(a == b for a, b in zip(*answers.values(), strict=True))
        print(f"  {beams} beams: {same} of {len(answers['torch'])} answers of ONNX are torch's", flush=True)


def answered(graphs: Graphs, bundle: DataBundle, beams: int) -> list[str]:
    """The answers to the test split, sentence by sentence, with their scores printed."""
    codec, part = TranslationCodec(bundle.signature), bundle.split("test")
    started = time.process_time()
    found = []
    for index in range(len(part)):
        search = codec.search(graphs, codec.prepare(part.raw(index)), beams).finished()
        found += texts_of(search.answers, bundle.signature)
    each = (time.process_time() - started) / len(part)
    references = references_of(bundle.example(len(part), "test").target, bundle.signature)
    scores = corpus_scores(found, references)
    print(f"  chrF {scores['chrf']:.1f}, BLEU {scores['bleu']:.1f}, {each * 1e3:.1f} CPU ms a sentence")
    return found


if __name__ == "__main__":
    main()
