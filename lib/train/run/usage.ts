/** Which codes are used, and how evenly. */
import type { Parameter } from "../../nn/index.js";

export interface Usage {
  /** Share of the codes that came up, mean over the codebooks. */
  readonly used: number;
  /** As many codes, used evenly, would carry as much; mean over the codebooks. */
  readonly perplexity: number;
}

/** Counts the codes of some codebooks of one size, since the last report and since the run began. */
export class CodeUsage {
  private readonly total: Float32Array;
  private recent: Float64Array;

  /** `buffer` (codebooks, codes) is the model's own record; it is written by `save`. */
  constructor(private readonly buffer: Parameter) {
    this.total = Float32Array.from(buffer.variable.read());
    this.recent = new Float64Array(this.total.length);
  }

  private get codebooks(): number {
    return this.buffer.shape[0]!;
  }

  /** Codes (..., codebooks), the codebooks side by side. */
  add(codes: Int32Array): void {
    for (const counts of [this.recent, this.total]) count(counts, codes, this.codebooks);
  }

  /** What came up since the last report. */
  report(): Usage {
    const counts = this.recent;
    this.recent = new Float64Array(this.total.length);
    return usageOf(counts, this.codebooks);
  }

  save(): void {
    this.buffer.variable.write(this.total);
  }
}

/** Of codes (..., codebooks), the codebooks side by side. */
export function usageOfCodes(codes: readonly Int32Array[], codebooks: number, size: number): Usage {
  const counts = new Float64Array(codebooks * size);
  for (const part of codes) count(counts, part, codebooks);
  return usageOf(counts, codebooks);
}

/** Adds codes (..., codebooks) to counts (codebooks, codes). */
function count(counts: Float64Array | Float32Array, codes: Int32Array, codebooks: number): void {
  const size = counts.length / codebooks;
  for (let i = 0; i < codes.length; i++) {
    const at = (i % codebooks) * size + codes[i]!;
    counts[at] = counts[at]! + 1;
  }
}

/** Of counts (codebooks, codes). */
function usageOf(counts: Float64Array, codebooks: number): Usage {
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
