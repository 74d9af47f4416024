"""torchvision's detectors as graphs: pictures of one size to candidates, without suppression.

Their own post-processing depends on the values in a batch, and cannot be exported. What is here gives, for
each picture, boxes, scores and labels of which `boxes.select` keeps those that torchvision would, and the
limits by which it does: the overlap, and how many stay. A detector of two stages is two graphs, with a
selection in between.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import concat_box_prediction_layers
from torchvision.models.detection.ssd import SSD
from torchvision.ops import roi_align

from lepton_nb.signature import Signature
from lepton_nb.tasks.detection.boxes import NOTHING

_MOST = 1000  # candidates of one stage; suppression of the best is the same without the others
_LEAST_SIDE = 1e-2  # pixels: smaller boxes are none

Candidates = tuple[Tensor, Tensor, Tensor, Tensor]
"""Boxes ``(N, K, 4)``, scores ``(N, K)``, labels ``(N, K)``, and limits ``(N, 2)``: overlap and number."""


class Features(nn.Module):
    """The feature maps of pictures as a detector's own transform gives them to its backbone.

    Args:
        net: In evaluation mode.
        signature: How the data normalise pictures, and their size.

    Attributes:
        inner: Height and width the detector makes of a picture.
    """

    mean: Tensor
    std: Tensor
    own_mean: Tensor
    own_std: Tensor
    scale: Tensor

    def __init__(self, net: Any, signature: Signature) -> None:
        super().__init__()
        settings = signature.preprocessing
        self.backbone, self.given = net.backbone, tuple(settings["size"])
        images, _ = net.transform([torch.zeros(3, *self.given)])
        self.inner, self.outer = tuple(images.image_sizes[0]), tuple(images.tensors.shape[-2:])
        for name, value in (
            ("mean", settings["mean"]),
            ("std", settings["std"]),
            ("own_mean", net.transform.image_mean),
            ("own_std", net.transform.image_std),
        ):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32)[:, None, None])
        scale = [given / inner for given, inner in zip(self.given, self.inner, strict=True)]
        self.register_buffer("scale", torch.tensor([scale[1], scale[0]] * 2))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        image = (image * self.std + self.mean - self.own_mean) / self.own_std
        if self.inner != self.given:
            image = F.interpolate(image, size=self.inner, mode="bilinear", align_corners=False)
        beyond = (0, self.outer[1] - self.inner[1], 0, self.outer[0] - self.inner[0])
        found = self.backbone(F.pad(image, beyond) if any(beyond) else image)
        return {"0": found} if isinstance(found, Tensor) else dict(found)

    def anchors(self, generator: nn.Module) -> tuple[Tensor, list[int]]:
        """All anchors of a picture ``(A, 4)``, and how many cells each level has."""
        images = ImageList(torch.zeros(1, 3, *self.outer), [self.inner])
        maps = list(self(torch.zeros(1, 3, *self.given)).values())
        return generator(images, maps)[0], [level.shape[-2:].numel() for level in maps]

    def inside(self, boxes: Tensor) -> Tensor:
        """Boxes ``(…, 4)`` cut off at the picture's edge."""
        limit = boxes.new_tensor([self.inner[1], self.inner[0]] * 2)
        return boxes.clamp(min=0).minimum(limit)


class OneStage(nn.Module):
    """SSD, RetinaNet and FCOS up to their candidates."""

    anchors: Tensor
    limits: Tensor

    def __init__(self, net: Any, signature: Signature) -> None:
        super().__init__()
        self.features, self.head, self.coder = Features(net, signature), net.head, net.box_coder
        self.exclusive, self.least = isinstance(net, SSD), float(net.score_thresh)
        self.register_buffer("anchors", self.features.anchors(net.anchor_generator)[0])
        self.register_buffer("limits", torch.tensor([[net.nms_thresh, float(net.detections_per_img)]]))

    def forward(self, image: Tensor) -> Candidates:
        found = self.head(list(self.features(image).values()))
        scores = self._scores(found)[..., 1:]  # the first is of the background
        classes = scores.shape[-1]
        best, place = scores.flatten(1).topk(min(_MOST, scores.shape[1] * classes), dim=1)
        chosen = place // classes
        offsets = found["bbox_regression"].gather(1, chosen[..., None].expand(-1, -1, 4))
        boxes = self.features.inside(self._decoded(offsets, self.anchors[chosen])) * self.features.scale
        labels = torch.where(best > self.least, place % classes, NOTHING)
        return boxes, best, labels, self.limits.expand(len(image), 2)

    def _scores(self, found: dict[str, Tensor]) -> Tensor:
        if self.exclusive:
            return found["cls_logits"].softmax(dim=-1)
        scores = found["cls_logits"].sigmoid()
        return (scores * found["bbox_ctrness"].sigmoid()).sqrt() if "bbox_ctrness" in found else scores

    def _decoded(self, offsets: Tensor, anchors: Tensor) -> Tensor:
        decode = getattr(self.coder, "decode_single", self.coder.decode)
        return decode(offsets.flatten(0, 1), anchors.flatten(0, 1)).view(offsets.shape)  # type: ignore[no-any-return]


class Proposals(nn.Module):
    """The first stage of Faster R-CNN: where objects may be, their label the level they were found on.

    After the candidates come the feature maps that the second stage looks at.
    """

    anchors: Tensor
    limits: Tensor

    def __init__(self, net: Any, signature: Signature) -> None:
        super().__init__()
        self.features, self.head, self.coder = Features(net, signature), net.rpn.head, net.rpn.box_coder
        self.pooled = [str(name) for name in net.roi_heads.box_roi_pool.featmap_names]
        self.most, self.smallest = net.rpn.pre_nms_top_n(), net.rpn.min_size
        self.least = float(net.rpn.score_thresh)
        anchors, cells = self.features.anchors(net.rpn.anchor_generator)
        each = len(anchors) // sum(cells)
        self.sizes = [each * count for count in cells]
        self.register_buffer("anchors", anchors)
        self.register_buffer("limits", torch.tensor([[net.rpn.nms_thresh, float(net.rpn.post_nms_top_n())]]))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.features(image)
        scores, offsets = concat_box_prediction_layers(*self.head(list(maps.values())))
        scores, offsets = scores.view(len(image), -1), offsets.view(len(image), -1, 4)
        place, level = self._likeliest(scores)
        offsets = offsets.gather(1, place[..., None].expand(-1, -1, 4))
        boxes = self.coder.decode_single(offsets.flatten(0, 1), self.anchors[place].flatten(0, 1))
        boxes = self.features.inside(boxes.view(offsets.shape))
        likely = scores.gather(1, place).sigmoid()
        sides = boxes[..., 2:] - boxes[..., :2]
        usable = (sides >= self.smallest).all(dim=-1) & (likely >= self.least)
        labels = torch.where(usable, level, NOTHING)
        shown = [part for name, part in maps.items() if name in self.pooled]
        return (boxes, likely, labels, self.limits.expand(len(image), 2), *shown)

    def _likeliest(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The places of the highest scores of each level ``(N, K)``, and their levels ``(K,)``."""
        places, levels, start = [], [], 0
        for level, count in enumerate(self.sizes):
            part = scores[:, start : start + count].topk(min(self.most, count), dim=1).indices
            places.append(part + start)
            levels.append(torch.full((part.shape[1],), level, device=scores.device))
            start += count
        return torch.cat(places, dim=1), torch.cat(levels)


class Objects(nn.Module):
    """The second stage of Faster R-CNN: what its proposals show."""

    limits: Tensor

    def __init__(self, net: Any, features: Features, example: tuple[Tensor, ...]) -> None:
        super().__init__()
        heads = net.roi_heads
        self.head, self.predictor, self.coder = heads.box_head, heads.box_predictor, heads.box_coder
        self.least, self.features = float(heads.score_thresh), features
        pool = heads.box_roi_pool
        boxes, *maps = example
        pool(dict(zip(pool.featmap_names, maps, strict=False)), list(boxes), [features.inner] * len(boxes))
        self.size, self.samples = pool.output_size, pool.sampling_ratio
        self.scales, self.level_of = pool.scales, pool.map_levels
        self.register_buffer("limits", torch.tensor([[heads.nms_thresh, float(heads.detections_per_img)]]))

    def forward(self, proposals: Tensor, *maps: Tensor) -> Candidates:
        """Proposals ``(N, R, 4)`` to ``R × classes`` candidates."""
        logits, offsets = self.predictor(self.head(self._pooled(proposals, maps)))
        classes = logits.shape[-1]
        boxes = self.coder.decode_single(offsets, proposals.flatten(0, 1)).view(-1, classes, 4)[:, 1:]
        boxes = self.features.inside(boxes).reshape(len(proposals), -1, 4)
        scores = logits.softmax(dim=-1)[:, 1:].reshape(len(proposals), -1)
        sides = boxes[..., 2:] - boxes[..., :2]
        usable = (scores > self.least) & (sides >= _LEAST_SIDE).all(dim=-1)
        labels = torch.arange(classes - 1, device=logits.device).repeat(proposals.shape[1])
        labels = torch.where(usable, labels, NOTHING)
        return boxes * self.features.scale, scores, labels, self.limits.expand(len(proposals), 2)

    def _pooled(self, proposals: Tensor, maps: tuple[Tensor, ...]) -> Tensor:
        """What each proposal covers on the level that suits its size, ``(N × R, C, h, w)``."""
        item = torch.arange(len(proposals), device=proposals.device, dtype=proposals.dtype)
        item = item[:, None, None].expand(-1, proposals.shape[1], 1)
        regions = torch.cat([item, proposals], dim=-1).flatten(0, 1)
        level = self.level_of([regions[:, 1:]])
        covered = (
            roi_align(part, regions, self.size, scale, self.samples) * (level == number)[:, None, None, None]
            for number, (part, scale) in enumerate(zip(maps, self.scales, strict=True))
        )
        pooled: Tensor = reduce(torch.add, covered)
        return pooled
