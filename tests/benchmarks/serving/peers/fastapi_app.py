"""A plain FastAPI handler, as its tutorial writes it."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from tests.benchmarks.serving.peers import model

app = FastAPI()
run = model.load()


class Body(BaseModel):
    inputs: list[list[list[list[float]]]]


@app.post("/predict")
def predict(body: Body) -> dict[str, Any]:
    return {"predictions": [model.answer(row) for row in run(np.asarray(body.inputs, np.float32))]}


@app.post("/npy")
async def npy(request: Request) -> dict[str, Any]:
    batch = np.load(io.BytesIO(await request.body()), allow_pickle=False)
    return {"predictions": [model.answer(row) for row in await run_in_threadpool(run, batch)]}


@app.post("/png")
async def png(request: Request) -> dict[str, Any]:
    batch = model.from_picture(await request.body())
    return {"predictions": [model.answer(row) for row in await run_in_threadpool(run, batch)]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), log_level="warning")
