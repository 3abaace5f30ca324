/** What a row comes to on CUDA depends on the row alone, whatever stands beside it. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import {
  type Attributes,
  type CaseInput,
  codes,
  type KernelCase,
  moderate,
  positive,
  run,
  type Shape,
} from "./cuda-case.js";
import { openCuda } from "./cuda-device.js";

interface RowOp {
  readonly op: string;
  /** Inputs cut along their first dimension come first, then those that all rows share. */
  readonly rows: readonly CaseInput[];
  readonly shared?: readonly CaseInput[];
  readonly attributes?: Attributes;
}

const matrix = (size: number, seed: number) => moderate([11, size], seed);

const rowOps: readonly RowOp[] = [7, 300, 1024, 1025, 1280, 2048, 2100].flatMap((size) => [
  { op: "snake", rows: [matrix(size, 1)], shared: [positive([size], 2)] },
  { op: "weight_norm", rows: [matrix(size, 1), moderate([11], 2)] },
  { op: "layer_norm", rows: [matrix(size, 1)], shared: [moderate([size], 2), moderate([size], 3)] },
  { op: "rms_norm", rows: [matrix(size, 1)], shared: [moderate([size], 2)] },
  { op: "softmax", rows: [matrix(size, 1)] },
  { op: "softmax_grad", rows: [matrix(size, 1), matrix(size, 2)] },
  { op: "l2_normalize_grad", rows: [matrix(size, 1), matrix(size, 2)] },
]);

const searches: readonly RowOp[] = [
  { op: "codebook_search", rows: [matrix(8, 1)], shared: [moderate([1500, 8], 2)] },
  {
    op: "fused_quantizer",
    rows: [matrix(24, 1)],
    shared: [moderate([8, 24, 1], 2), moderate([8], 3), moderate([150, 8], 4)],
  },
  { op: "codebook_lookup", rows: [codes([11], 1, 40)], shared: [moderate([40, 8], 2)] },
];

function cut({ shape, data }: CaseInput, first: number, end: number): CaseInput {
  const row = data.length / shape[0]!;
  const rest: Shape = shape.slice(1);
  return { shape: [end - first, ...rest], data: data.slice(first * row, end * row) };
}

describe("rows on CUDA", () => {
  let cuda: Device;
  before(() => {
    cuda = openCuda();
  });
  after(() => cuda.close());

  for (const { op, rows, shared = [], attributes = {} } of [...rowOps, ...searches]) {
    it(`${op} of rows of ${rows[0]!.shape[1] ?? 1}: the same bits alone and among others`, async () => {
      const of = (first: number, end: number): KernelCase => ({
        op,
        inputs: [...rows.map((input) => cut(input, first, end)), ...shared],
        attributes,
        tolerance: 0,
      });
      const [whole] = await run(cuda, of(0, 11));
      const size = whole!.length / 11;
      for (const [first, end] of [
        [0, 1],
        [3, 5],
        [10, 11],
      ] as const) {
        const [part] = await run(cuda, of(first, end));
        assert.deepEqual(part, whole!.slice(first * size, end * size));
      }
    });
  }
});
