/** Models as plan files, for the C API. */
import { Graph } from "../graph/graph.js";
import type { Precision } from "../graph/precision.js";
import type { LmSpt } from "../models/lmspt.js";
import { DIRECTIONS, recordDirection } from "./directions.js";
import type { ExportedFile } from "./exported-file.js";

/**
 * `encode.plan`, `decode.plan` and `aux_decode.plan` for a batch of one and a fixed number of frames, one after the
 * other: `audio` f32 (1, samples, 1) -> `codes` i32 (1, frames, K), and back.
 */
export function* exportPlanFiles(
  model: LmSpt,
  { frames, precision, signal }: { frames: number; precision?: Precision; signal?: AbortSignal },
): Generator<ExportedFile> {
  for (const direction of DIRECTIONS) {
    signal?.throwIfAborted();
    const { graph, output } = recordDirection(new Graph(), model, direction, { batch: 1, frames });
    const name = direction === "encode" ? "codes" : "audio";
    yield { name: `${direction}.plan`, bytes: graph.serialize({ [name]: output }, [], { precision }) };
  }
}
