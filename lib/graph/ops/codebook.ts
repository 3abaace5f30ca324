/** The factorised codebook of the quantizers. */
import type { Value } from "../graph.js";

/**
 * For each row of z (..., D) the index of the row of codebook (N, D) that is nearest when both are L2-normalised; the
 * lowest index wins a tie. Codes (...) of type i32.
 */
export function codebookSearch(z: Value, codebook: Value): Value {
  return z.graph.apply("codebook_search", [z, codebook])[0]!;
}

/** The rows of codebook (N, D) named by codes (...): (..., D); zeros for a code outside [0, N). */
export function codebookLookup(codes: Value, codebook: Value): Value {
  return codes.graph.apply("codebook_lookup", [codes, codebook])[0]!;
}

/** x divided by the norm of its last dimension, or by 1e-12 where that is smaller. */
export function l2Normalize(x: Value): Value {
  return x.graph.apply("l2_normalize", [x])[0]!;
}
