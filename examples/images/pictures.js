/** The newest picture of observation number `step` as RGBA pixels, from the bytes of all observations. */
export function pixelsOf(bytes, size, picture, step) {
  const { offset, height, width, channels } = picture;
  const pixels = new Uint8ClampedArray(height * width * 4);
  const start = step * size + offset;
  for (let at = 0; at < height * width; at++) {
    for (let colour = 0; colour < 3; colour++) {
      pixels[at * 4 + colour] = bytes[start + at * channels + (channels === 3 ? colour : 0)];
    }
    pixels[at * 4 + 3] = 255;
  }
  return pixels;
}

/** Probabilities from logits; the largest is taken off first, so that no exponential overflows. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((one, other) => one + other, 0);
  return weights.map((weight) => weight / sum);
}
