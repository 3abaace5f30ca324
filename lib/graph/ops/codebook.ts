/** The factorised codebook of the quantizers. */
import type { Value } from "../graph.js";
import { record } from "./record.js";

/**
 * For each row of z (..., D) the index of the row of codebook (N, D) that is nearest when both are L2-normalised; the
 * lowest index wins a tie. Codes (...) of type i32.
 */
export function codebookSearch(z: Value, codebook: Value): Value {
  return record("codebook_search", [z, codebook]);
}

/** The rows of codebook (N, D) named by codes (...): (..., D); zeros for a code outside [0, N). */
export function codebookLookup(codes: Value, codebook: Value): Value {
  return record("codebook_lookup", [codes, codebook]);
}

/** x divided by the norm of its last dimension, or by 1e-12 where that is smaller. */
export function l2Normalize(x: Value): Value {
  return record("l2_normalize", [x]);
}
