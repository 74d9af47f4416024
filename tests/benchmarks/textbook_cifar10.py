"""The textbook notebook on the real CIFAR-10, its loop replaced by one line.

    python -m tests.benchmarks.textbook_cifar10 PATH/TO/cifar10 [--epochs 10]

PATH holds `train/<class>/*.jpg` and `test/<class>/*.jpg`. The accuracy of every epoch is printed beside the
table that the textbook claims.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn, optim
from torchvision import datasets, transforms

import lepton_nb

CLAIMED = [50.0, 65.0, 70.0, 75.0, 80.0, 85.0, 85.0, 85.0, 85.0, 85.0]


class LeptonCNN(nn.Module):
    """As the textbook has it, but for `fc1`: it writes 64 * 6 * 6, which does not run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 32 * 32, 128)
        self.fc2 = nn.Linear(128, 10)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = x.view(x.size(0), -1)
        x = self.relu(self.fc1(x))
        return self.fc2(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()

    transform = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    train_dataset = datasets.ImageFolder(root=str(args.path / "train"), transform=transform)
    test_dataset = datasets.ImageFolder(root=str(args.path / "test"), transform=transform)
    train_loader = torch.utils.data.DataLoader(train_dataset, batch_size=64, shuffle=True)
    test_loader = torch.utils.data.DataLoader(test_dataset, batch_size=64, shuffle=False)
    model = LeptonCNN()
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    criterion = nn.CrossEntropyLoss()

    started = time.perf_counter()
    run = lepton_nb.train(
        model,
        train=train_loader,
        val=test_loader,
        optimizer=optimizer,
        loss=criterion,
        epochs=args.epochs,
        name="textbook",
    )
    seconds = time.perf_counter() - started
    _, accuracy = run.history()["val_accuracy"]
    _, speed = run.history()["items_per_second"]
    print("| epoch | claimed | measured | images/s |\n| --- | --- | --- | --- |")
    for epoch, (claimed, value, rate) in enumerate(zip(CLAIMED, accuracy, speed, strict=False), start=1):
        print(f"| {epoch} | {claimed:.0f} % | {value:.1%} | {rate:.0f} |")
    print(f"\n{seconds:.0f} s in all, validation included")


if __name__ == "__main__":
    main()
