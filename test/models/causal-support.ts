/** Causal models for tests; what they make of everything at once, and of pieces that are pushed into streams. */
import type { Device } from "../../lib/graph/device.js";
import type { Value } from "../../lib/graph/graph.js";
import { slice } from "../../lib/graph/ops/index.js";
import type { CausalDecoder, CausalEncoder } from "../../lib/models/causal-stream.js";
import type { DecodeSelection } from "../../lib/models/engine.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { compute, randomModel, SMALL_FIELDS } from "./small-models.js";

export const causalModel = (fields: object, seed = 1) =>
  randomModel({ ...SMALL_FIELDS, is_causal: true, ...fields }, seed);

/** Of all codebooks. */
export function everything({ config }: LmSpt): DecodeSelection {
  const { n_codebooks: all, n_semantic_codebooks: semantic } = config;
  return { decoder: "main", semantic, acoustic: all - semantic };
}

/** Codes (frames, K) of whole frames in one plan. */
export async function encodeWhole(device: Device, model: LmSpt, samples: Float32Array): Promise<Int32Array> {
  return (await compute(device, samples, [1, samples.length, 1], (x) => model.encode(x))) as Int32Array;
}

export async function decodeWhole(
  device: Device,
  model: LmSpt,
  codes: Int32Array,
  { semantic, acoustic }: DecodeSelection,
) {
  const { n_codebooks: total, n_semantic_codebooks: firstAcoustic } = model.config;
  const part = (x: Value, start: number, count: number) => (count > 0 ? slice(x, 2, start, count) : undefined);
  return (await compute(device, codes, [1, codes.length / total, total], (x) =>
    model.decode(part(x, 0, semantic), part(x, firstAcoustic, acoustic)),
  )) as Float32Array;
}

/** Pieces of some lengths in turn until everything is given. */
export function* cut(total: number, lengths: readonly number[]): Generator<[from: number, to: number]> {
  for (let from = 0, i = 0; from < total; i++) {
    const to = Math.min(total, from + lengths[i % lengths.length]!);
    yield [from, to];
    from = to;
  }
}

/** Codebooks of the pieces as (frames, K). */
export function interleave(pieces: readonly (readonly Int32Array[])[]): Int32Array {
  return Int32Array.from(
    pieces.flatMap((piece) => Array.from(piece[0]!, (_, i) => piece.map((codebook) => codebook[i]!)).flat()),
  );
}

/** Frames [from, to) of (frames, K) as K codebooks. */
export function codebooksOf(codes: Int32Array, count: number, from: number, to: number): Int32Array[] {
  return Array.from({ length: count }, (_, k) =>
    codes.slice(from * count, to * count).filter((_, i) => i % count === k),
  );
}

export async function encodePieces(encoder: CausalEncoder, samples: Float32Array, lengths: readonly number[]) {
  const pieces: Int32Array[][] = [];
  for (const [from, to] of cut(samples.length, lengths)) pieces.push(await encoder.push(samples.subarray(from, to)));
  pieces.push(await encoder.finish());
  return interleave(pieces);
}

export async function decodePieces(
  decoder: CausalDecoder,
  codes: Int32Array,
  count: number,
  lengths: readonly number[],
) {
  const speech: number[] = [];
  for (const [from, to] of cut(codes.length / count, lengths)) {
    speech.push(...(await decoder.push(codebooksOf(codes, count, from, to))));
  }
  speech.push(...(await decoder.finish()));
  return Float32Array.from(speech);
}
