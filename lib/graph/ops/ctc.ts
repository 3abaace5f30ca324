/** The loss of labels without times. */
import type { Value } from "../graph.js";
import { record } from "./record.js";

/**
 * The connectionist temporal classification loss, a scalar: the mean over the items of -log p / labels, p being the
 * probability that the frames spell the labels, each of them repeated as often as need be, with blanks anywhere. logits
 * (B, T, V); targets (B, L) of type i32, each row its labels and then negative numbers. An item whose labels do not fit
 * into T frames adds 0 and has no gradient; a label that is `blank` or not below V makes the loss NaN.
 */
export function ctcLoss(logits: Value, targets: Value, blank = 0): Value {
  return record("ctc_loss", [logits, targets], { blank });
}
