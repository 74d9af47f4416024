"""Token classification: a tag for each word of a text, answered as the spans they make.

Knows no library of models: a tagger takes token ids, and a mask where it is a pretrained one.
"""

from lepton_nb.tasks.tagging.task import TokenClassification

__all__ = ["TokenClassification"]
