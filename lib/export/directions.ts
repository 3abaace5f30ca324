/** What a model computes, one direction a file: speech to codes, codes to speech, semantic codes to the aux speech. */
import type { Graph, Value } from "../graph/graph.js";
import { slice } from "../graph/ops/index.js";
import { samplesPerFrame } from "../models/config.js";
import type { LmSpt } from "../models/lmspt.js";
import type { Size } from "./symbolic-graph.js";

/** Also the names of the exported files. */
export type Direction = "encode" | "decode" | "aux_decode";

export const DIRECTIONS: readonly Direction[] = ["encode", "decode", "aux_decode"];

/** Records a direction: one input, `audio` (B, samples, 1) or `codes` (B, frames, K), and the output. */
export function recordDirection<G extends Graph>(
  graph: G,
  model: LmSpt,
  direction: Direction,
  { batch, frames }: Size,
): { readonly graph: G; readonly input: Value; readonly output: Value } {
  const { n_codebooks: count, n_semantic_codebooks: semantic } = model.config;
  if (direction === "encode") {
    const input = graph.input("audio", [batch, frames * samplesPerFrame(model.config), 1]);
    return { graph, input, output: model.encode(input) };
  }
  const input = graph.input("codes", [batch, frames, count], "i32");
  const first = slice(input, 2, 0, semantic);
  const output =
    direction === "decode" ? model.decode(first, slice(input, 2, semantic, count - semantic)) : model.decodeAux(first);
  return { graph, input, output };
}
