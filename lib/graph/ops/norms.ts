/** Normalisations over the last dimension. */
import type { Value } from "../graph.js";
import { record } from "./record.js";

/** (x - mean) / sqrt(variance + epsilon) * w + bias; x (..., C), w (C), bias (C). */
export function layerNorm(x: Value, w: Value, bias: Value, epsilon = 1e-5): Value {
  return record("layer_norm", [x, w, bias], { epsilon });
}

/** x / sqrt(mean of squares + epsilon) * w; x (..., C), w (C). */
export function rmsNorm(x: Value, w: Value, epsilon = 1e-6): Value {
  return record("rms_norm", [x, w], { epsilon });
}

/** exp(x) divided by its sum; x (..., C). */
export function softmax(x: Value): Value {
  return record("softmax", [x]);
}
