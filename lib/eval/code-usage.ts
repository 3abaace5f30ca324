/** Which codes are used, and how evenly. */

export interface Usage {
  /** Share of the codes that came up, mean over the codebooks. */
  readonly used: number;
  /** As many codes, used evenly, would carry as much; mean over the codebooks. */
  readonly perplexity: number;
}

/** Of codes (..., codebooks), the codebooks side by side. */
export function usageOfCodes(codes: readonly Int32Array[], codebooks: number, size: number): Usage {
  const counts = new Float64Array(codebooks * size);
  for (const part of codes) countCodes(counts, part, codebooks);
  return usageOf(counts, codebooks);
}

/** Adds codes (..., codebooks) to counts (codebooks, codes). */
export function countCodes(counts: Float64Array | Float32Array, codes: Int32Array, codebooks: number): void {
  const size = counts.length / codebooks;
  for (let i = 0; i < codes.length; i++) {
    const at = (i % codebooks) * size + codes[i]!;
    counts[at] = counts[at]! + 1;
  }
}

/** Of counts (codebooks, codes). */
export function usageOf(counts: Float64Array, codebooks: number): Usage {
  const size = counts.length / codebooks;
  let used = 0;
  let perplexity = 0;
  for (let k = 0; k < codebooks; k++) {
    const row = counts.subarray(k * size, (k + 1) * size);
    const sum = row.reduce((a, b) => a + b, 0);
    let entropy = 0;
    for (const count of row) {
      if (count === 0) continue;
      used++;
      entropy -= (count / sum) * Math.log(count / sum);
    }
    perplexity += Math.exp(entropy);
  }
  return { used: used / counts.length, perplexity: perplexity / codebooks };
}
