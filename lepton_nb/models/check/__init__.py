"""One real batch through a model, and what does not fit in words."""

from lepton_nb.models.check.batch import CheckReport, check_model, gives_one_number, outputs_of
from lepton_nb.models.check.construction import construct
from lepton_nb.models.check.finite import first_non_finite

__all__ = ["CheckReport", "check_model", "construct", "first_non_finite", "gives_one_number", "outputs_of"]
