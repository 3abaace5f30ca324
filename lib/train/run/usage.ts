/** Which codes came up in training. */
import { countCodes, type Usage, usageOf } from "../../eval/code-usage.js";
import type { Parameter } from "../../nn/index.js";

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
    for (const counts of [this.recent, this.total]) countCodes(counts, codes, this.codebooks);
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
