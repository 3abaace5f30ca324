/** Recording layers for items of different lengths, which lie one after the other in a batch of one. */
import type { Value } from "../graph/graph.js";
import type { ItemRows } from "../graph/ops/index.js";

export class Ragged {
  /** `ends` (items), i32: the frame behind each item's last, of `frames` in all. */
  constructor(
    private readonly ends: Value,
    private readonly frames: number,
  ) {}

  /** What a convolution of x has to know, of whose items the last `missing` rows are not there. */
  rows(x: Value, missing: number): ItemRows {
    return { ends: this.ends, frameRows: x.dim(1) / this.frames, missing };
  }
}
