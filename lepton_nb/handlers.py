"""The former name of `lepton_nb.routes`, which the source in packages of before imports."""

import sys

from lepton_nb.routes import Audio, Model, ModelCallError, inputs, model

__all__ = ["Audio", "Model", "ModelCallError"]

sys.modules |= {f"{__name__}.inputs": inputs, f"{__name__}.model": model}
