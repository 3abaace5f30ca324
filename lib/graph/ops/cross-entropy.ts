import type { Value } from "../graph.js";
import { record } from "./record.js";

/**
 * The mean over rows of -log softmax(logits)[target], a scalar; logits (N, V), targets (N) of type i32. Rows whose
 * target is `ignoreIndex` do not count; with none that counts the loss is 0. Any other target outside [0, V) makes the
 * loss NaN, and with it the gradient of its row.
 */
export function crossEntropy(logits: Value, targets: Value, ignoreIndex = -100): Value {
  return record("cross_entropy", [logits, targets], { ignore_index: ignoreIndex });
}
