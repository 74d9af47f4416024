"""torchvision's detectors: their own loss, the same objects from their graphs, by name or built in a cell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.ssd import SSD

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import ModelError
from lepton_nb.models import ModelSpec, model
from lepton_nb.models.libraries.detectors import build_detector
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.packaging.runners import load_graphs, module_runners
from lepton_nb.tasks.detection.boxes import NOTHING, Found, overlaps
from lepton_nb.tasks.detection.calling import found_by
from tests import detection_support as shapes
from tests.test_training_resume import StopAt
from tests.training_helpers import same_weights

SIZE = (64, 96)  # of the pictures drawn


class Backbone(nn.Module):
    """One feature map of stride 8."""

    out_channels: Any = 32

    def __init__(self) -> None:
        super().__init__()
        steps = [(3, 8), (8, 16), (16, 32)]
        self.layers = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in steps)
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


class ForSSD(Backbone):
    out_channels = (32,)


ANCHORS = AnchorGenerator(((16, 24),), ((1.0,),))
SIZES: dict[str, Any] = {"min_size": SIZE[0], "max_size": SIZE[1]}
BUILD: dict[str, Callable[[], nn.Module]] = {
    "faster": lambda: FasterRCNN(
        Backbone(),
        rpn_anchor_generator=ANCHORS,
        rpn_post_nms_top_n_test=40,
        rpn_post_nms_top_n_train=40,
        box_head=TwoMLPHead(32 * 49, 32),
        box_predictor=FastRCNNPredictor(32, 3),
        **SIZES,
    ),
    "retina": lambda: RetinaNet(Backbone(), 3, anchor_generator=ANCHORS, score_thresh=0.01, **SIZES),
    "fcos": lambda: FCOS(Backbone(), 3, anchor_generator=AnchorGenerator(((8,),), ((1.0,),)), **SIZES),
    "ssd": lambda: SSD(ForSSD(), DefaultBoxGenerator([[2]], scales=[0.2, 0.4]), (80, 80), 3),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    root = tmp_path_factory.mktemp("detectors")
    return data.load(shapes.voc(root, shapes.draw(root / "JPEGImages", 24)), augment="none")


def trained(name: str, bundle: DataBundle, steps: int = 40) -> nn.Module:
    """A little: a net that knows nothing proves nothing."""
    torch.manual_seed(0)
    net = BUILD[name]().train()
    if isinstance(net, RetinaNet):  # else it takes long to believe in any object
        nn.init.constant_(net.head.classification_head.cls_logits.bias, -1.0)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    loss = bundle.task.make_loss(bundle.signature)
    objective = bundle.task.objective(bundle.signature, loss)
    batch = bundle.example(6)
    for _ in range(steps):
        value, _ = objective(net, batch)
        assert value is not None
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return net.eval()


def assert_same(found: Found, expected: Found, least: float) -> int:
    """That two lists of objects hold the same ones above a score; how many there are."""
    count = 0
    for i in range(len(expected.scores)):
        for one, other in ((expected, found), (found, expected)):
            likely = np.flatnonzero((one.scores[i] > least) & (one.labels[i] != NOTHING))
            shared = overlaps(one.boxes[i, likely], other.boxes[i])
            shared *= one.labels[i, likely][:, None] == other.labels[i][None]
            apart = np.abs(one.scores[i, likely][:, None] - other.scores[i][None])
            assert ((shared > 0.99) & (apart < 1e-3)).any(axis=1).all()
            count += len(likely)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILD)
def test_the_graphs_of_a_detector_find_what_it_finds(name: str, bundle: DataBundle, tmp_path: Path) -> None:
    net, signature = trained(name, bundle), bundle.signature
    codec, image = bundle.task.codec(signature), bundle.example(6, "val").inputs
    with torch.no_grad():
        expected = Found(*(part.numpy() for part in found_by(net, image, signature).values()))
    ours = codec.run(module_runners(bundle.task.graphs(net, signature, (image,))), (image.numpy(),))
    least = float(np.sort(expected.scores.ravel())[-12])
    assert assert_same(Found(*ours), expected, least) > 8
    origin = Origin(name, "0", f"{name}@1", "")
    manifest = write_package(tmp_path, net, (image,), signature, ModelSpec("live", name), origin)
    assert "onnx" in manifest.formats, manifest.rejected
    if "proposals" in manifest.graphs:  # torch alone knows no RoIAlign
        load = f"load_graphs(Path({str(tmp_path)!r}), 'pt2', ['objects'])"
        code = f"from lepton_nb.packaging.runners import *; {load}"
        subprocess.run([sys.executable, "-c", code], check=True)
    packaged = codec.run(load_graphs(tmp_path, "onnx", manifest.graphs), (image.numpy(),))
    assert assert_same(Found(*packaged), expected, least) > 8


class Wrapped(nn.Module):
    """A detector within a model of one's own."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.net = SSD(ForSSD(), DefaultBoxGenerator([[2]], scales=[0.2, 0.4]), (80, 80), num_classes + 1)

    def forward(self, images: Any, targets: Any = None) -> Any:
        return self.net(images, targets)


@pytest.mark.slow
def test_a_detector_of_ones_own_trains_resumes_and_is_packaged(bundle: DataBundle) -> None:
    settings: dict[str, Any] = {"batch_size": 4, "lr": 3e-3, "restore_best": False, "seed": 1}
    run = lepton_nb.train(Wrapped, bundle, epochs=3, name="wrapped", **settings)
    assert run.status == "finished"
    history = run.history()
    assert {"loss", "val_map50"} <= history.keys()
    assert "val_loss" not in history  # in evaluation it gives objects, and no loss
    part = lepton_nb.train(Wrapped, bundle, epochs=3, name="part", callbacks=[StopAt(5)], **settings)
    resumed = lepton_nb.resume(part, model=Wrapped(2), data=bundle)
    assert same_weights(run.live["model"], resumed.live["model"])
    assert "thresholds" in run.read_json("signature.json")["target"]
    result = lepton_nb.evaluate(run)
    assert set(result.metrics) == {"map50", "map75", "map"}
    (answer,) = lepton_nb.predict(run, bundle.split("test").raw(0))
    net, image = run.live["model"].eval(), bundle.example(1, "test").inputs
    with torch.no_grad():
        found = found_by(net, image, bundle.signature)
    least = torch.tensor(run.read_json("signature.json")["target"]["thresholds"])
    labels = found["labels"][0]
    sure = (labels != NOTHING) & (found["scores"][0] >= least[labels])
    assert [box["score"] for box in answer["boxes"]] == pytest.approx(
        found["scores"][0][sure].tolist(), abs=1e-3
    )


def test_a_detector_for_other_classes_is_refused(bundle: DataBundle) -> None:
    with pytest.raises(
        ModelError, match="built for 2 classes, the background among them; the data have 2, which makes 3"
    ) as e:
        lepton_nb.train(Wrapped(1), bundle, epochs=1)
    assert e.value.hint == "Build it with num_classes=3."


class Scaled(Wrapped):
    """One that does more than the detector in it."""

    def forward(self, images: Any, targets: Any = None) -> Any:
        return self.net([image.flip(-1) for image in images], targets)


def test_a_model_that_does_more_than_its_detector_has_no_graph(bundle: DataBundle) -> None:
    torch.manual_seed(0)
    net = Scaled(2).eval()
    for parameter in net.net.head.parameters():
        nn.init.normal_(parameter, std=0.5)
    image = bundle.example(3).inputs
    with pytest.raises(ModelError, match="finds other objects than the detector in it"):
        bundle.task.graphs(net, bundle.signature, (image,))


@pytest.mark.parametrize("name", ["ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_a_name_of_torchvision_is_fitted_to_the_data(name: str, bundle: DataBundle) -> None:
    signature = bundle.signature
    loss = bundle.task.make_loss(signature)
    definition = model(name, signature=signature, batch=bundle.example(2), loss=loss)
    assert definition.spec.expression == f"{name}(num_classes=3)"
    assert definition.report is not None
    assert definition.report.loss > 0
    assert any("320 × 320" in note for note in definition.notes) == name.startswith("ssd")
    built = definition.build()
    assert built.transform.image_mean == signature.preprocessing["mean"]  # type: ignore[union-attr]
    again = ModelSpec.from_dict(definition.spec.to_dict()).build()
    assert again.state_dict().keys() == built.state_dict().keys()


def test_a_detector_needs_boxes() -> None:
    with pytest.raises(ModelError, match="finds boxes, and there are no data with boxes"):
        model("fasterrcnn_resnet50_fpn", signature=data.digits(limit=20).signature)


def test_weights_of_a_file_fill_all_but_the_classes(bundle: DataBundle, tmp_path: Path) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    trained = build_detector(name, num_classes=5, height=64, width=96)
    torch.save(trained.state_dict(), tmp_path / "coco.pth")
    definition = model(name, signature=bundle.signature, weights=str(tmp_path / "coco.pth"))
    net = definition.build()
    key = "backbone.features.0.0.0.weight"
    assert torch.equal(net.state_dict()[key], trained.state_dict()[key])
    assert net.transform.image_mean == trained.transform.image_mean  # type: ignore[union-attr]
    assert any("begins at random" in note for note in definition.notes)
