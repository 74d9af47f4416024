// The service inside the page: the try-it page's requests, answered by onnxruntime-web.

import { answer } from "./answering.js";
import { InputError, reader, tensorOf } from "./reading.js";

const ARRAYS = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

function json(value, status = 200) {
  return new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json" } });
}

function decoded({ dtype, dims, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return { dtype, dims, data: new ARRAYS[dtype](bytes.buffer) };
}

/** The largest difference of two answers, relative to the size of the expected one. */
function difference(found, expected) {
  let [most, size] = [0, 1e-3];
  expected.data.forEach((value, at) => {
    most = Math.max(most, Math.abs(Number(found.data[at]) - Number(value)));
    size = Math.max(size, Math.abs(Number(value)));
  });
  return most / size;
}

class Model {
  constructor(ort, session, about) {
    Object.assign(this, { ort, session, about });
  }

  /** The outputs for one item, from a tensor for each input. */
  async run(tensors) {
    const feeds = {};
    tensors.forEach(({ dtype, dims, data }, at) => {
      feeds[this.session.inputNames[at]] = new this.ort.Tensor(dtype, data, dims);
    });
    const outputs = await this.session.run(feeds);
    return this.session.outputNames.map((name) => outputs[name]);
  }

  /** Holds this browser to the answer that the model gave in the notebook. */
  async check() {
    const { example, tolerance } = this.about;
    if (!example) return;
    const found = await this.run(example.inputs.map(decoded));
    const worst = Math.max(...example.outputs.map((expected, at) => difference(found[at], decoded(expected))));
    if (!(worst <= tolerance)) throw new Error(`the model's answer differs from the notebook's by ${worst.toPrecision(3)}`);
  }

  async predict(body, type) {
    const predictions = [];
    for (const item of await this.read(body, type)) {
      predictions.push(answer(this.about, await this.run(item.map((value, at) => tensorOf(value, this.about.inputs[at])))));
    }
    return predictions;
  }
}

export async function serve(ort, files) {
  const openapi = JSON.parse(new TextDecoder().decode(files["openapi.json"]));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = files["ort.wasm"];
  const beside = Object.keys(files).filter((name) => name.endsWith(".data"));
  const externalData = beside.map((path) => ({ path, data: files[path] }));
  const session = await ort.InferenceSession.create(files["model.onnx"], { executionProviders: ["wasm"], externalData });
  const model = new Model(ort, session, openapi["x-model"]);
  model.read = reader(model.about);
  await model.check();
  return async (path, { body, headers } = {}) => {
    if (path === "openapi.json") return json(openapi);
    try {
      return json({ predictions: await model.predict(body, headers["Content-Type"]), version: openapi["x-lepton"].version });
    } catch (error) {
      return json({ error: error.message }, error instanceof InputError ? 422 : 500);
    }
  };
}
