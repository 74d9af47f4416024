"""Which objects a picture shows, and where: boxes with a class and a score.

`boxes` and `codec` are numpy alone, and are all that the serving process loads. A model gives maps
(`loss`, `nets`); its peaks are the candidates that a service's graph gives, and `boxes.select` takes those
that stay, in training, evaluation and service alike. Nothing here knows how files are found or trained on.
"""

from lepton_nb.tasks.detection.task import ObjectDetection

__all__ = ["ObjectDetection"]
