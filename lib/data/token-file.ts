/** Token files in memory. docs/token-file.md specifies the format; the reader and writer for disks have own files. */
import { A_UINT8_ARRAY, checkOptions, requireKind, TRUE_OR_FALSE } from "../arguments.js";
import { type Parser, parseBytes } from "./parser.js";
import { DEFAULT_CHUNK_FRAMES, encodeChunk, encodeHeader, encodeIndex, MAX_CHUNK_FRAMES } from "./token-format.js";
import { parseFrames, parseTokenChunk, type TokenChunk } from "./token-frames.js";
import { type FrameRange, parseLayout, recoverLayout } from "./token-layout.js";
import { requireInteger, type TokenSpec, type Tokens, tokenCodes, tokenSpec, validateTokens } from "./tokens.js";

/** What could be read of a damaged file. */
export interface RecoveredTokens {
  readonly spec: TokenSpec;
  /** Frames of the stream, damaged ones included. */
  readonly frames: number;
  /** The intact chunks in ascending order. */
  readonly chunks: readonly TokenChunk[];
  /** Frames that are lost, in ascending order. */
  readonly damaged: readonly FrameRange[];
  /** Whether the file was finished and nothing of it is damaged. */
  readonly complete: boolean;
}

/** The token file of `tokens`; `chunkFrames` (1 to 65536) is the unit of checking and seeking. */
export function encodeTokenFile(tokens: Tokens, options: { chunkFrames?: number } = {}): Uint8Array {
  const { chunkFrames = DEFAULT_CHUNK_FRAMES } = checkOptions(options);
  validateTokens(tokens);
  requireInteger(chunkFrames, 1, MAX_CHUNK_FRAMES, "chunkFrames");
  const spec = tokenSpec(tokens);
  const codes = tokenCodes(tokens);
  const parts = [encodeHeader({ spec, samples: tokens.samples, chunkFrames })];
  const frameCounts: number[] = [];
  for (let start = 0; start < tokens.frames; start += chunkFrames) {
    const rows = codes.map((row) => row.subarray(start, start + chunkFrames));
    const frames = Math.min(chunkFrames, tokens.frames - start);
    parts.push(encodeChunk(rows, start, frames, spec));
    frameCounts.push(frames);
  }
  parts.push(encodeIndex(frameCounts));
  return Buffer.concat(parts);
}

/**
 * Reads a token file. With `recover: true` a damaged or unfinished file gives its intact chunks and the ranges of frames
 * that are lost. @throws FormatError with the offset of the damage (with `recover`, only if the header is unusable);
 * LmsptError ERR_LMSPT_UNSUPPORTED for a newer format version
 */
export function decodeTokenFile(bytes: Uint8Array, options?: { recover?: false }): Tokens;
export function decodeTokenFile(bytes: Uint8Array, options: { recover: true }): RecoveredTokens;
export function decodeTokenFile(bytes: Uint8Array, options: { recover?: boolean } = {}): Tokens | RecoveredTokens {
  requireKind("bytes", A_UINT8_ARRAY, bytes);
  const { recover = false } = checkOptions(options, { recover: TRUE_OR_FALSE });
  if (!recover) return parseBytes(bytes, parseTokens(bytes.length));
  const layout = parseBytes(bytes, recoverLayout(bytes.length));
  const { frames, damaged, complete } = layout;
  const chunks = layout.chunks.map((place) => parseBytes(bytes, parseTokenChunk(place, layout)));
  return { spec: layout.header.spec, frames, chunks, damaged, complete };
}

function* parseTokens(fileSize: number): Parser<Tokens> {
  const layout = yield* parseLayout(fileSize);
  return yield* parseFrames(layout, 0, layout.frames);
}
