// Pictures as Pillow reads and resizes them: its triangle filter, in whole numbers, across and then down.

const BITS = 22;

/** For each pixel of the result, where its sources begin and their weights. */
function weightsOf(from, to) {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - wide + 0.5), 0);
    const end = Math.min(Math.trunc(centre + wide + 0.5), from);
    const weights = Array.from({ length: end - first }, (_, at) => Math.max(0, 1 - Math.abs((at + first - centre + 0.5) / wide)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [first, weights.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** BITS))];
  });
}

const clipped = (sum) => Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));

/** One channel of `width` × `height`, resized. */
function resized(pixels, width, height, [newWidth, newHeight]) {
  let across = pixels;
  if (newWidth !== width) {
    across = new Uint8Array(newWidth * height);
    weightsOf(width, newWidth).forEach(([first, weights], x) => {
      for (let y = 0; y < height; y++) {
        let sum = 2 ** (BITS - 1);
        for (let at = 0; at < weights.length; at++) sum += pixels[y * width + first + at] * weights[at];
        across[y * newWidth + x] = clipped(sum);
      }
    });
  }
  if (newHeight === height) return across;
  const down = new Uint8Array(newWidth * newHeight);
  weightsOf(height, newHeight).forEach(([first, weights], y) => {
    for (let x = 0; x < newWidth; x++) {
      let sum = 2 ** (BITS - 1);
      for (let at = 0; at < weights.length; at++) sum += across[(first + at) * newWidth + x] * weights[at];
      down[y * newWidth + x] = clipped(sum);
    }
  });
  return down;
}

/** The pixels of a picture, upright, as bytes in fours. */
async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return { width, height, bytes: context.getImageData(0, 0, width, height).data };
}

function channelsOf(bytes, grey) {
  const count = bytes.length / 4;
  if (grey) {
    return [Uint8Array.from({ length: count }, (_, at) => (19595 * bytes[4 * at] + 38470 * bytes[4 * at + 1] + 7471 * bytes[4 * at + 2] + 0x8000) >> 16)];
  }
  return [0, 1, 2].map((channel) => Uint8Array.from({ length: count }, (_, at) => bytes[4 * at + channel]));
}

/** Half of a number, rounded as Python rounds: to the even neighbour. */
function half(number) {
  return number % 2 === 0 ? number / 2 : 2 * Math.round(number / 4);
}

function cut(pixels, width, height, [newHeight, newWidth]) {
  const [top, left] = [half(height - newHeight), half(width - newWidth)];
  return Uint8Array.from({ length: newHeight * newWidth }, (_, at) => pixels[(top + Math.floor(at / newWidth)) * width + left + (at % newWidth)]);
}

/** `blob -> {dims, data}`: the values of a picture as the model takes it. */
export function pictureReader({ mode, size, short_side: shortSide, mean, std }) {
  return async (blob) => {
    const { width, height, bytes } = await pixelsOf(blob);
    const shorter = Math.min(width, height);
    const wanted = shortSide ? [width, height].map((side) => Math.trunc((shortSide * side) / shorter)) : [size[1], size[0]];
    const channels = channelsOf(bytes, mode === "L").map((pixels) => {
      const fitted = resized(pixels, width, height, wanted);
      return shortSide ? cut(fitted, ...wanted, size) : fitted;
    });
    const data = channels.flatMap((pixels, at) => Array.from(pixels, (byte) => (byte / 255 - mean[at]) / std[at]));
    return { dims: [channels.length, ...size], data };
  };
}
