"""Weights of torchvision models from files, what a run says of them, and freezing random ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import ModelError
from lepton_nb.models import Definition, model
from lepton_nb.models.registry import build_torchvision
from lepton_nb.packaging import restore
from tests.models_support import Notebook
from tests.training_helpers import TinyNet, blobs

pytestmark = pytest.mark.filterwarnings("ignore")
NAME = "resnet18"


@pytest.fixture(scope="module")
def pictures() -> data.DataBundle:
    return data.digits(limit=48)


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """What a file of ImageNet weights holds."""
    state: dict[str, Tensor] = models.get_model("resnet18", weights=None).state_dict()
    return state


def loaded(path: Path, bundle: data.DataBundle) -> Definition:
    return model("resnet18", signature=bundle.signature, weights=str(path))


WRITERS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "plain.pth": torch.save,
    "plain.safetensors": save_file,
    "nested.ckpt": lambda state, path: torch.save({"epoch": 3, "state_dict": state}, path),
    "parallel.pt": lambda state, path: torch.save({f"module.{k}": v for k, v in state.items()}, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_fills_all_but_the_head(
    name: str, tmp_path: Path, published: dict[str, Tensor], pictures: data.DataBundle
) -> None:
    WRITERS[name](published, tmp_path / name)
    definition = loaded(tmp_path / name, pictures)
    net = definition.build().state_dict()
    assert torch.equal(net["layer4.1.conv2.weight"], published["layer4.1.conv2.weight"])
    assert torch.allclose(net["conv1.weight"], published["conv1.weight"].sum(1, keepdim=True))
    assert net["fc.weight"].shape == (10, 512)
    said = f"`fc.weight`, `fc.bias` of {name} were left out: the head `fc` begins at random."
    assert definition.notes[-1] == said
    assert definition.spec.weights == str(tmp_path / name)
    again = definition.spec.build()  # without the file
    again.load_state_dict(net)


def test_a_head_for_as_many_classes_is_taken_with_channels_and_stem(
    tmp_path: Path, pictures: data.DataBundle
) -> None:
    own = build_torchvision("resnet18", num_classes=10, in_channels=1, height=8, width=8, small_stem=True)
    torch.save(own.state_dict(), tmp_path / "own.pth")
    definition = loaded(tmp_path / "own.pth", pictures)
    net = definition.build().state_dict()
    assert all(torch.equal(net[key], value) for key, value in own.state_dict().items())
    assert not any("left out" in note for note in definition.notes)


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        (lambda path: path.write_bytes(b"not a model"), "x.pth cannot be read as weights: it is no file"),
        (lambda path: path.write_bytes(b""), "x.pth cannot be read as weights"),
        (lambda path: torch.save(TinyNet(), path), "x.pth holds more than tensors, perhaps a whole model"),
        (lambda path: torch.save([1, 2], path), "x.pth holds a list without tensors"),
        (
            lambda path: torch.save(TinyNet().state_dict(), path),
            "x.pth does not hold the weights of this model: `conv1.weight` .* is missing there; 0 of 100 fit",
        ),
        (lambda path: None, "There is no file .*x.pth with weights"),
    ],
)
def test_a_file_that_will_not_do_is_named(
    write: Callable[[Path], None], seen: str, tmp_path: Path, pictures: data.DataBundle
) -> None:
    write(tmp_path / "x.pth")
    with pytest.raises(ModelError, match=seen) as caught:
        loaded(tmp_path / "x.pth", pictures)
    assert len(str(caught.value).split("\n")) == 2


def test_weights_for_a_class_of_ones_own_are_not_dropped_in_silence() -> None:
    with pytest.raises(ModelError, match="TinyNet is yours"):
        model(TinyNet, weights="x.pth")


def test_the_card_names_the_weights(
    pictures: data.DataBundle, published: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save(published, tmp_path / "net.pth")
    run = lepton_nb.train(loaded(tmp_path / "net.pth", pictures), pictures, epochs=1, freeze="backbone")
    assert f"weights</span><span>{tmp_path / 'net.pth'}" in run._repr_html_()
    assert not [said for said in run.warnings if "random" in said]
    assert "weights</span><span>random" in lepton_nb.train("MLP", blobs(), epochs=1)._repr_html_()
    assert "weights</span>" not in lepton_nb.train(TinyNet(), blobs(), epochs=1)._repr_html_()


def test_freezing_random_weights_is_said_with_a_line_that_works(pictures: data.DataBundle) -> None:
    run = lepton_nb.train(NAME, pictures, epochs=1, freeze="backbone", name="frozen")
    said = lepton_nb.get_run("frozen").warnings[0]
    assert run.warnings[0] == said
    assert said.startswith(f"{NAME} begins with random weights, and --freeze backbone keeps those of `conv1`")
    assert f"%lepton model {NAME} --data digits --weights DEFAULT" in said
    assert said in run.log_path.read_text()
    own = lepton_nb.train(TinyNet, blobs(), epochs=1, freeze="body.0", unfreeze_at=1)
    assert "keeps those of `body.0` as they are until epoch 1" in own.warnings[0]


def test_an_instance_and_a_class_that_loads_weights_itself_are_not_blamed(tmp_path: Path) -> None:
    instance = lepton_nb.train(TinyNet(), blobs(), epochs=1, freeze="body.0")
    assert not [said for said in instance.warnings if "random" in said]
    torch.save(nn.Linear(6, 8).state_dict(), tmp_path / "body.pth")
    cell = f"""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
            self.body.load_state_dict(torch.load({str(tmp_path / "body.pth")!r}))

        def forward(self, x):
            return self.head(self.body(x))
    """
    run = lepton_nb.train(Notebook(cell).define("Net"), blobs(), epochs=1, freeze="backbone")
    assert not [said for said in run.warnings if "random" in said]


def test_weights_on_the_line_of_train_point_to_that_of_model(
    capsys: pytest.CaptureFixture[str], pictures: data.DataBundle
) -> None:
    shell = InteractiveShell.instance()
    shell.user_ns.update(pictures=pictures)
    shell.run_line_magic("load_ext", "lepton_nb")
    shell.run_cell(f"%lepton train {NAME} --data pictures --weights DEFAULT")
    assert f"→ %lepton model {NAME} --data pictures --weights DEFAULT, then" in capsys.readouterr().out


class Renaming(nn.Module):
    """Names its layer anew in every copy, as Keras's models do."""

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        self.number = number
        self.layers = nn.ModuleDict({f"dense_{number}": nn.Linear(6, 3)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = next(iter(self.layers.values()))(x)
        return found

    def __deepcopy__(self, memo: dict[int, object]) -> Renaming:
        copied = Renaming(self.number + 1)
        for ours, theirs in zip(self.parameters(), copied.parameters(), strict=True):
            theirs.data.copy_(ours.data)
        return copied


def test_a_model_that_names_its_weights_anew_in_a_copy_gets_its_own() -> None:
    network = Renaming()
    run = lepton_nb.train(network, blobs(), epochs=1, progress=False)
    copied = restore._copy_live(run, run.load_checkpoint("best")[1]["model"])
    assert list(copied.state_dict()) != list(network.state_dict())
    assert torch.equal(copied.eval()(torch.ones(1, 6)), network.eval()(torch.ones(1, 6)))
