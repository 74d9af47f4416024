"""Steps that go wrong: memory that does not do, and losses that are not numbers."""

from __future__ import annotations

import math

import psutil
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import Callback, data
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import TrainingError
from lepton_nb.training.gradients import is_out_of_memory
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

PLAIN = {"epochs": 2, "batch_size": 32, "optimizer": "sgd", "schedule": "constant", "lr": 0.05}


class Greedy(nn.Module):
    """Runs out of memory above a number of items, as a device would: now in forward, now in backward."""

    def __init__(self, most: int, *, backward: bool = False) -> None:
        super().__init__()
        self.most, self.backward_too, self.sizes = most, backward, set[int]()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.add(len(x))
        hidden = self.first(x).tanh()
        if self.training and len(x) > self.most:
            if not self.backward_too:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            hidden.register_hook(self._fail)
        return self.last(hidden)

    def _fail(self, _: Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_out_of_memory_halves_the_pieces_and_keeps_the_step(backward: bool, accumulation: int) -> None:
    torch.manual_seed(0)
    tight = Greedy(10, backward=backward)
    roomy = Greedy(1000)
    roomy.load_state_dict(tight.state_dict())
    run = lepton_nb.train(tight, blobs(), name="tight", accumulation=accumulation, **PLAIN)
    whole = lepton_nb.train(roomy, blobs(), name="roomy", accumulation=accumulation, **PLAIN)
    assert run.step == whole.step
    assert torch.allclose(tight.first.weight, roomy.first.weight, atol=1e-6)
    assert run.history()["loss"][1] == pytest.approx(whole.history()["loss"][1], abs=1e-6)
    assert any("Out of memory with 16 items at once: 8 at a time" in said for said in run.warnings)
    assert any("a step is still over 32" in said for said in run.warnings)
    assert "Out of memory" in run.log_path.read_text()


def test_a_resumed_run_remembers_what_fits() -> None:
    class Stop(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 2:
                state.control.stop()

    model, bundle = Greedy(10), blobs()
    run = lepton_nb.train(model, bundle, callbacks=[Stop()], **PLAIN)
    model.sizes.clear()
    lepton_nb.resume(run)
    assert max(size for size in model.sizes if size != len(bundle.val)) <= 10  # validation needs less memory
    assert not any("16 items at once" in said for said in run.warnings[2:])


def test_a_model_too_large_for_one_item_is_explained() -> None:
    class Fill(Callback):
        def on_epoch_start(self, state: TrainState) -> None:
            state.model.most = 0

    with pytest.raises(TrainingError, match="Not even one item") as caught:
        lepton_nb.train(Greedy(8), blobs(), callbacks=[Fill()], **PLAIN)
    assert "--precision bf16" in (caught.value.hint or "")


def test_the_machines_own_allocator_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


class Fragile(nn.Module):
    """Overflows on inputs of 1e30, in a layer with a name."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.square, self.fc = nn.BatchNorm1d(6), nn.Bilinear(6, 6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.square(x, x)))


def poisoned(first: int = 40, last: int = 41) -> dict[str, DataLoader]:
    """Sixteen batches of four, some rows of which overflow; and a little to validate on."""
    inputs, target = torch.rand(64, 6), torch.arange(64) % 3
    inputs[first:last] = 1e30
    held_out = TensorDataset(torch.rand(9, 6), torch.arange(9) % 3)
    return {
        "train": DataLoader(TensorDataset(inputs, target), batch_size=4),
        "val": DataLoader(held_out, batch_size=9),
    }


class Watch(Callback):
    """The weights after every step."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def on_step_end(self, state: TrainState) -> None:
        self.weights.append(state.model.fc.weight.detach().clone())


def test_a_nan_stops_at_its_step_before_the_weights_move_and_names_the_layer() -> None:
    model, watch = Fragile(), Watch()
    with pytest.raises(TrainingError) as caught:
        lepton_nb.train(model, **poisoned(), name="nan", lr=0.1, callbacks=[watch])
    assert len(watch.weights) == 10
    assert "at step 11 (batch 11 of epoch 1)" in caught.value.message
    assert "`square` is the first layer to give" in caught.value.message
    hint = caught.value.hint or ""
    assert "%lepton resume nan@1 --lr 0.0" in hint
    assert "--on-nan skip" in hint
    assert torch.equal(model.fc.weight, watch.weights[-1])
    run = lepton_nb.get_run("nan")
    assert run.status == "failed"
    assert len(run.history()["loss"][0]) == 10  # not one point is lost
    assert all(torch.isfinite(value).all() for value in run.load_checkpoint("last")[1]["model"].values())


def test_skip_leaves_the_batch_out_as_if_it_had_never_been() -> None:
    model = Fragile()
    run = lepton_nb.train(model, **poisoned(), epochs=3, lr=0.01, on_nan="skip")
    assert run.status == "finished"
    assert run.step == 3 * 16 - 3
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    assert sum("Left out step" in said for said in run.warnings) == 3


def test_skip_gives_up_where_every_batch_is_bad() -> None:
    with pytest.raises(TrainingError, match="11th time in a row"):
        lepton_nb.train(Fragile(), **poisoned(8, 64), on_nan="skip")


def test_a_gradient_that_is_infinite_is_left_out_too() -> None:
    class Steep(TinyNet):
        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            return out + (0.0 * (x[:, :1] - x[:, :1] + self.body[0].weight.sum() * 0.0).abs().sqrt())

    model = Steep()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(TrainingError, match="a gradient is not finite, though the loss is"):
        lepton_nb.train(model, blobs(), on_nan="skip", restore_best=False)
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())


def test_weights_that_are_not_finite_are_never_saved() -> None:
    class Spoil(Callback):
        def on_step_end(self, state: TrainState) -> None:
            if state.step == 3:
                next(state.model.parameters()).data[0] = math.inf
                state.control.stop()

    with pytest.raises(TrainingError, match="weights hold NaN or infinity after step 3"):
        lepton_nb.train(TinyNet, blobs(), name="spoilt", callbacks=[Spoil()])
    _, saved = lepton_nb.get_run("spoilt").load_checkpoint("last")
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


def test_a_diverged_run_goes_on_with_another_learning_rate_and_keeps_it() -> None:
    with pytest.raises(TrainingError):
        lepton_nb.train(Fragile(), **poisoned(), name="nan", lr=0.1, schedule="constant", epochs=2)
    run = lepton_nb.resume("nan", lr=0.01, on_nan="skip", model=Fragile(), data=data.loaders(**poisoned()))
    assert run.status == "finished"
    assert set(run.history()["lr"][1]) == {0.01}
    assert run.read_json("config.json")["lr"] == 0.01
    assert "resumed with lr 0.01, on_nan skip" in run.log_path.read_text()


def test_the_same_weights_with_and_without_the_check_of_gradients() -> None:
    first = lepton_nb.train(TinyNet, blobs(), epochs=2, on_nan="stop").live["model"]
    second = lepton_nb.train(TinyNet, blobs(), epochs=2, on_nan="skip").live["model"]
    assert same_weights(first, second)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad])
def test_the_users_optimizer_takes_fused_kernels_to_the_same_weights(kind: type) -> None:
    torch.manual_seed(0)
    plain, fused = (nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)) for _ in range(2))
    fused.load_state_dict(plain.state_dict())
    loader = DataLoader(TensorDataset(torch.randn(64, 6), torch.arange(64) % 3), batch_size=16)
    fixed, free = kind(plain.parameters(), lr=0.01, fused=False), kind(fused.parameters(), lr=0.01)
    for model, optimizer in ((plain, fixed), (fused, free)):
        lepton_nb.train(model, train=loader, optimizer=optimizer, epochs=3)
    assert free.param_groups[0]["fused"]
    assert not fixed.param_groups[0]["fused"]  # as the user said
    assert all(
        torch.allclose(a, b, atol=1e-5) for a, b in zip(plain.parameters(), fused.parameters(), strict=True)
    )


def test_an_optimizers_own_zero_grad_is_called() -> None:
    class Counting(torch.optim.SGD):
        calls = 0

        def zero_grad(self, set_to_none: bool = True) -> None:
            Counting.calls += 1
            super().zero_grad(set_to_none)

    model = TinyNet()
    run = lepton_nb.train(model, blobs(), optimizer=Counting(model.parameters(), lr=0.1), epochs=1)
    assert Counting.calls >= run.step


def test_memory_goes_back_to_the_system_after_training() -> None:
    """What is kept for speed while it trains is not kept from the notebook afterwards."""
    wide = nn.Sequential(nn.Linear(6, 400_000), nn.Linear(400_000, 3))  # activations of 100 MB

    def resident() -> int:
        return psutil.Process().memory_info().rss

    lepton_nb.train(wide, blobs(), **{**PLAIN, "epochs": 1, "batch_size": 64})
    weights = sum(p.nbytes for p in wide.parameters())
    del wide
    before = resident()
    held = [torch.ones(30_000_000) for _ in range(3)]  # glibc's ways are the usual ones again
    grown = resident()
    del held
    assert grown - before > 200e6
    assert resident() - before < 100e6, weights
