"""What holds of an item and what does not: one label (binary classification), or several (multi-label).

The room knows logits, probabilities and thresholds; not what an input is, where labels were read from, or how
a model is trained.
"""

from lepton_nb.tasks.labels.binary import BinaryClassification
from lepton_nb.tasks.labels.multi import MultiLabelClassification

__all__ = ["BinaryClassification", "MultiLabelClassification"]
