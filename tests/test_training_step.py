"""A training step of the user's: any batch, any loss, several models and optimizers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb.errors import ArgumentError, LeptonError, ModelError
from lepton_nb.packaging import build_package
from tests.test_training_background import ended, wait_for
from tests.training_helpers import TinyNet, blobs, same_weights


def loader(*tensors: Tensor, batch_size: int = 16) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, shuffle=True)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def stop_after(epoch: int) -> Any:
    return lambda state: state.control.stop() if state.epoch == epoch else None


def distil(model: nn.Module, batch: Any) -> dict[str, Tensor]:
    x, y = batch
    out = model(x)
    hard = F.cross_entropy(out, y)
    return {"loss": hard + out.square().mean(), "hard": hard}


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, 1)
        drawn = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return self.decoder(drawn), mean, log_var


def elbo(model: VAE, batch: Any) -> dict[str, Tensor]:
    (x,) = batch
    back, mean, log_var = model(x)
    kl = -0.5 * (1 + log_var - mean.square() - log_var.exp()).mean()
    return {"loss": F.mse_loss(back, x) + kl, "kl": kl}


def gan_models() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {
        "generator": nn.Linear(3, 6),
        "critic": nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)),
    }


def gan(models: Any, batch: Any, optimizers: Any) -> dict[str, Any]:
    (real,) = batch
    made = models["generator"](torch.randn(len(real), 3))
    yes, no = models["critic"](real), models["critic"](made.detach())
    critic = F.softplus(-yes).mean() + F.softplus(no).mean()
    optimizers["critic"].zero_grad()
    critic.backward()
    optimizers["critic"].step()
    loss = F.softplus(-models["critic"](made)).mean()
    optimizers["generator"].zero_grad()
    loss.backward()
    optimizers["generator"].step()
    return {"loss": loss.item(), "critic_loss": critic}


def test_a_step_trains_logs_and_measures_and_the_classes_stay_known() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), step=distil, epochs=2)
    history = run.history()
    assert (run.task, run.monitor, run.params["step"]) == ("tabular-classification", "val_loss", "distil")
    assert {"hard", "val_hard", "val_loss", "val_accuracy"} <= set(history)
    assert len(history["hard"][1]) == len(history["loss"][1])
    assert lepton_nb.evaluate(run).metrics["loss"] > 0


def test_a_step_is_a_plain_loop() -> None:
    x, y = noise(64, 6), torch.arange(64) % 3
    plain, ours = nn.Linear(6, 3), nn.Linear(6, 3)
    ours.load_state_dict(plain.state_dict())
    batches = DataLoader(TensorDataset(x, y), batch_size=16)
    optimizer = torch.optim.SGD(plain.parameters(), 0.1)
    for _ in range(2):
        for batch in batches:
            optimizer.zero_grad()
            distil(plain, batch)["loss"].backward()
            optimizer.step()
    own = torch.optim.SGD(ours.parameters(), 0.1, fused=False)
    lepton_nb.train(ours, train=batches, step=distil, optimizer=own, epochs=2)
    assert same_weights(plain, ours)


def test_a_gan_moves_both_itself_logs_and_serves_its_generator() -> None:
    models = gan_models()
    before = [part.state_dict()[key].clone() for part in models.values() for key in part.state_dict()]
    optimizers = {name: torch.optim.Adam(part.parameters(), 0.01) for name, part in models.items()}
    run = lepton_nb.train(
        models, train=loader(noise(64, 6)), val=loader(noise(32, 6)), step=gan, optimizer=optimizers, epochs=2
    )
    after = [value for part in models.values() for value in part.state_dict().values()]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert run.params["optimizer"] == "Adam and Adam"
    assert {"critic_loss", "val_critic_loss"} <= set(run.history())
    assert run.read_json("signature.json")["inputs"][0]["shape"] == [3]
    assert "generator, critic the first, generator, is evaluated and deployed" in run.log_path.read_text()
    assert "onnx" in build_package(run).manifest.formats


@pytest.mark.parametrize("own", [True, False], ids=["own optimizers", "made"])
def test_a_gan_resumes_to_the_same_weights(own: bool) -> None:
    def optimizers(models: dict[str, nn.Module]) -> Any:
        return (
            {name: torch.optim.Adam(part.parameters(), 0.01) for name, part in models.items()}
            if own
            else None
        )

    def go(models: dict[str, nn.Module], **options: Any) -> Any:
        batches = loader(noise(64, 6))
        return lepton_nb.train(
            models, train=batches, val=batches, step=gan, optimizer=optimizers(models), epochs=3,
            restore_best=False, **options,
        )  # fmt: skip

    whole, half = gan_models(), gan_models()
    go(whole)
    run = go(half, callbacks=[stop_after(0)])
    lepton_nb.resume(run)
    assert all(same_weights(whole[name], half[name]) for name in whole)
    again = gan_models()
    run = go(again, callbacks=[stop_after(0)])
    data = run.live["data"]
    run.live.clear()
    fresh = gan_models()
    with pytest.raises(LeptonError, match="used your own step") as caught:
        lepton_nb.resume(run.ref, model=fresh, data=data)
    assert "--step VARIABLE" in str(caught.value.hint)
    lepton_nb.resume(run.ref, model=fresh, data=data, step=gan, optimizer=optimizers(fresh))
    assert all(same_weights(whole[name], fresh[name]) for name in whole)


def test_a_vae_is_watched_and_served_by_what_its_model_gives() -> None:
    batches = loader(noise(64, 6))
    run = lepton_nb.train(VAE(), train=batches, val=batches, step=elbo, epochs=2)
    assert {"kl", "val_kl"} <= set(run.history())
    assert lepton_nb.evaluate(run).metrics["loss"] == pytest.approx(run.best_value, rel=1e-4)


def test_three_tensors_a_batch_are_the_steps_affair() -> None:
    def triplet(model: nn.Module, batch: Any) -> Tensor:
        anchor, near, far = (model(part) for part in batch)
        return F.triplet_margin_loss(anchor, near, far)

    batches = loader(noise(48, 6), noise(48, 6, seed=1), noise(48, 6, seed=2))
    run = lepton_nb.train(nn.Linear(6, 4), train=batches, val=batches, step=triplet, epochs=1)
    assert run.read_json("signature.json")["inputs"][0]["shape"] == [6]


def test_lists_of_pictures_and_boxes_come_as_they_are() -> None:
    def collated(items: list[Any]) -> Any:
        return [item for item, _ in items], [{"box": box} for _, box in items]

    def step(model: nn.Module, batch: Any) -> Tensor:
        pictures, boxes = batch
        assert isinstance(pictures, list)
        assert isinstance(boxes[0], dict)
        return torch.stack(
            [(model(p[None]).mean() - b["box"]).square().mean() for p, b in zip(*batch, strict=True)]
        ).mean()

    items = [(torch.randn(3, 8 + n % 2, 8), torch.rand(4)) for n in range(12)]
    batches: Any = DataLoader(items, batch_size=4, collate_fn=collated)  # type: ignore[arg-type]
    run = lepton_nb.train(nn.Conv2d(3, 1, 3), train=batches, val=batches, step=step, epochs=1)
    assert run.status == "finished"


def test_a_model_that_the_step_does_not_call_trains_and_is_said_to_be_no_service() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Linear(6, 2)

        def encode(self, x: Tensor) -> Tensor:
            return self.encoder(x)

        def forward(self) -> None:
            raise NotImplementedError

    def step(model: Parts, batch: Any) -> Tensor:
        return model.encode(batch["left"]).square().mean() + model.encode(batch["right"]).mean()

    items: Any = [{"left": torch.randn(6), "right": torch.randn(6), "name": str(n)} for n in range(16)]
    batches: Any = DataLoader(items, batch_size=4)
    run = lepton_nb.train(Parts(), train=batches, val=batches, step=step, epochs=1)
    assert any("deploy cannot" in said for said in run.warnings)
    assert "loss" in lepton_nb.evaluate(run).metrics


def test_a_step_that_fails_in_evaluation_is_told_so_where_it_is_to_measure() -> None:
    def step(model: nn.Module, batch: Any) -> Tensor:
        assert model.training, "losses are given in training only"
        return model(batch[0]).square().mean()

    batches = loader(noise(16, 6), noise(16))
    assert lepton_nb.train(nn.Linear(6, 1), train=batches, step=step, epochs=1).status == "finished"
    with pytest.raises(ModelError, match="losses are given in training only") as caught:
        lepton_nb.train(nn.Linear(6, 1), train=batches, val=batches, step=step, epochs=1)
    assert "evaluation mode" in str(caught.value.hint)


def test_a_gradient_penalty_is_measured_too() -> None:
    def step(model: nn.Module, batch: Any) -> Tensor:
        x = batch[0].clone().requires_grad_()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return model(x).mean() + slope.square().mean()

    batches = loader(noise(32, 6), noise(32))
    run = lepton_nb.train(nn.Linear(6, 1), train=batches, val=batches, step=step, epochs=1)
    assert "val_loss" in run.history()


def test_a_step_with_state_is_kept_in_checkpoints() -> None:
    class Baseline:
        def __init__(self) -> None:
            self.mean = 0.0

        def __call__(self, model: nn.Module, batch: Any) -> Tensor:
            loss = model(batch[0]).square().mean()
            self.mean = 0.9 * self.mean + 0.1 * loss.item() if model.training else self.mean
            return loss * (1 + self.mean)

        def state_dict(self) -> dict[str, float]:
            return {"mean": self.mean}

        def load_state_dict(self, saved: dict[str, float]) -> None:
            self.mean = saved["mean"]

    step = Baseline()
    run = lepton_nb.train(nn.Linear(6, 1), train=loader(noise(32, 6), noise(32)), step=step, epochs=1)
    assert run.load_checkpoint("last")[1]["loss"] == {"mean": step.mean}
    assert step.mean > 0


@pytest.mark.slow
def test_a_step_trains_in_the_background() -> None:
    models = gan_models()
    run = lepton_nb.train(models, train=loader(noise(32, 6)), step=gan, epochs=1, background=True)
    wait_for(lambda: ended(run))
    assert run.status == "finished", run.log_path.read_text()


@pytest.mark.parametrize(
    ("step", "options", "error", "said"),
    [
        (lambda model, batch: model(batch[0]), {}, ModelError, r"gives a tensor \(8, 3\) as its loss"),
        (lambda model, batch: {"kl": 1.0}, {}, ModelError, "gives None as its loss"),
        (lambda model, batch: batch[2], {}, ModelError, "Your step fails on the first batch in <lambda>"),
        (
            lambda model, batch: model(batch[0]).detach().mean(),
            {},
            ModelError,
            "does not depend on the weights",
        ),
        (distil, {"mixup": 0.2}, ArgumentError, "--mixup has no effect beside your own step, distil"),
        (distil, {"loss": nn.MSELoss()}, ArgumentError, "Both a loss and a step are given"),
        (
            distil,
            {"label_smoothing": 0.1},
            ArgumentError,
            "--label-smoothing has no effect beside your own step",
        ),
        (lambda m, b, o: 0.0, {"accumulation": 2}, ArgumentError, "--accumulation has no effect"),
        (lambda m, b, o: 0.0, {"clip": 1.0}, ArgumentError, "--clip has no effect"),
        (lambda m, b, o: 0.0, {"precision": "fp16"}, ArgumentError, "fp16"),
    ],
)
def test_what_cannot_be_trained_so_is_said_before_there_is_a_run(
    step: Any, options: dict[str, Any], error: type[LeptonError], said: str, lepton_home: Any
) -> None:
    with pytest.raises(error, match=said):
        lepton_nb.train(TinyNet(), blobs(), step=step, epochs=1, **options)
    assert not lepton_nb.list_runs()


def test_several_models_need_a_step() -> None:
    with pytest.raises(ArgumentError, match="2 models are given, and only a step of yours"):
        lepton_nb.train(gan_models(), blobs(), epochs=1)


def test_accumulation_and_averages_go_with_a_step() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), step=distil, epochs=2, accumulation=2, swa=0.5, clip=1.0)
    assert run.status == "finished"
