/** Small models whose parts have windows of their own, and streams of pieces for tests. */
import { mkdir } from "node:fs/promises";
import { concatTokens, type Tokens } from "../../lib/data/tokens.js";
import type { TokenChunk } from "../../lib/index.js";
import { type AudioChunk, Tokenizer } from "../../lib/index.js";
import { randomModel, SMALL_FIELDS, saveModel } from "./small-models.js";

/** 96 samples per frame, 8 rows per frame between the parts. */
export const STREAM_FIELDS = {
  ...SMALL_FIELDS,
  encoder_rates: [4, 3, 4, 2],
  decoder_rates: [2, 4, 3, 4],
  encoder_dim: 2,
  aux_decoder: { channels: 8, rates: [2, 4, 6], sample_rate: 8000 },
};

export const HOP = 96;

export async function loadSmall(folder: string, fields: object, threads = 2): Promise<Tokenizer> {
  await mkdir(folder, { recursive: true });
  await saveModel(await randomModel({ ...STREAM_FIELDS, ...fields }), folder);
  return Tokenizer.load(folder, { device: "cpu", threads });
}

/** An array cut into pieces of these lengths, again and again; each is a copy. */
export function* cut<T extends Float32Array | Int32Array>(values: T, lengths: readonly number[]): Generator<T> {
  for (let place = 0, i = 0; place < values.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield values.slice(place, place + length) as T;
    place += length;
  }
}

export async function collect<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

/** The pieces as one, after a look at their places. */
export function joinTokens(chunks: readonly TokenChunk[], empty: Tokens): Tokens {
  let frame = 0;
  for (const { startFrame, tokens } of chunks) {
    if (startFrame !== frame || tokens.frames === 0) throw new Error(`a piece at frame ${startFrame}, not ${frame}`);
    frame += tokens.frames;
  }
  return concatTokens([empty, ...chunks.map(({ tokens }) => tokens)]);
}

export function joinAudio(chunks: readonly AudioChunk[]): Float32Array {
  const joined: number[] = [];
  for (const { startSample, samples } of chunks) {
    if (startSample !== joined.length || samples.length === 0) {
      throw new Error(`a piece at sample ${startSample}, not ${joined.length}`);
    }
    joined.push(...samples);
  }
  return Float32Array.from(joined);
}
