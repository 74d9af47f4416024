"""Several models as one: called as the first, built again from the source of each."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models import ModelSpec
from lepton_nb.models.several import Models
from tests.models_support import Notebook


def test_they_are_called_as_the_first_and_built_again_from_source() -> None:
    notebook = Notebook(
        """
        class G(nn.Module):
            def __init__(self, size):
                super().__init__()
                self.layer = nn.Linear(size, 6)
            def forward(self, z):
                return self.layer(z)
        """,
        "g = G(4)\nmodels = {'g': g, 'd': nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))}",
    )
    models = Models(notebook["models"])
    assert models(torch.ones(2, 4)).shape == (2, 6)
    found = notebook.define(models)
    assert (found.spec.kind, found.name) == ("source", "g_d"), found.spec.missing
    again = ModelSpec.from_dict(found.spec.to_dict()).build()
    assert again.load_state_dict(models.state_dict())
    assert torch.equal(again(torch.ones(2, 4)), models(torch.ones(2, 4)))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "is empty"),
        ({"a": 3}, "'a' is a int"),
        ({"forward": nn.Linear(1, 1)}, "cannot be called 'forward'"),
    ],
)
def test_what_cannot_be_one_is_said(parts: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Models(parts)
