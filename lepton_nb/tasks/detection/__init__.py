"""Which objects a picture shows, and where: boxes with a class and a score.

`boxes` and `codec` are numpy alone, and are all that the serving process loads. A model gives maps (`loss`,
`nets`), or is a detector of torchvision that computes its own loss (`calling`). What a service's graphs give
are candidates (`graphs`, `stages`), and `boxes.select` takes those that stay, in one place for our maps in
training, evaluation and service, and as torchvision itself does for its detectors.
"""

from lepton_nb.tasks.detection.task import ObjectDetection

__all__ = ["ObjectDetection"]
