/** Reads tokens from the chunks of a layout. */
import { FormatError } from "../errors.js";
import type { Parser } from "./parser.js";
import type { ChunkPlace } from "./token-format.js";
import { parseChunk, type TokenFileLayout } from "./token-layout.js";
import { codebookSizes, samplesBetween, type Tokens, tokensFromCodes } from "./tokens.js";

/** A run of tokens and where it stands in its stream. */
export interface TokenChunk {
  readonly startFrame: number;
  readonly tokens: Tokens;
}

/** One whole chunk. @throws FormatError if it is damaged */
export function* parseTokenChunk(place: ChunkPlace, layout: TokenFileLayout): Parser<TokenChunk> {
  const codes = yield* parseChunk(place, layout.header);
  return { startFrame: place.startFrame, tokens: tokensIn(layout, place.startFrame, codes) };
}

/** Frames `startFrame` up to, not including, `endFrame`. @throws FormatError if one of them is damaged */
export function* parseFrames(layout: TokenFileLayout, startFrame: number, endFrame: number): Parser<Tokens> {
  const lost = layout.damaged.find((range) => range.startFrame < endFrame && range.endFrame > startFrame);
  if (lost !== undefined && startFrame < endFrame) {
    throw new FormatError(`Frames ${lost.startFrame} to ${lost.endFrame} of the token file are damaged`);
  }
  const codes = codebookSizes(layout.header.spec).map(() => new Int32Array(endFrame - startFrame));
  for (const place of chunksWithin(layout.chunks, startFrame, endFrame)) {
    const rows = yield* parseChunk(place, layout.header);
    const from = Math.max(0, startFrame - place.startFrame);
    const to = endFrame - place.startFrame;
    rows.forEach((row, k) => {
      codes[k]!.set(row.subarray(from, to), place.startFrame + from - startFrame);
    });
  }
  return tokensIn(layout, startFrame, codes);
}

function chunksWithin(chunks: readonly ChunkPlace[], startFrame: number, endFrame: number): readonly ChunkPlace[] {
  const first = firstIndex(chunks, (place) => place.startFrame + place.frames > startFrame);
  const end = firstIndex(chunks, (place) => place.startFrame >= endFrame);
  return chunks.slice(first, end);
}

/** Index of the first element for which an ascending condition holds, by bisection. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function tokensIn(layout: TokenFileLayout, startFrame: number, codes: Int32Array[]): Tokens {
  const { spec } = layout.header;
  const samples = samplesBetween(spec, layout.samples, startFrame, startFrame + codes[0]!.length);
  return tokensFromCodes(spec, codes, samples);
}
