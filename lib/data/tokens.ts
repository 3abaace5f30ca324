import { AN_ARRAY, AN_OBJECT, requireKind } from "../arguments.js";
import { invalidArgument } from "../errors.js";
import { bitsFor } from "./bit-packing.js";

/** What a stream of tokens consists of, apart from the codes themselves. Two streams with equal specs can be joined. */
export interface TokenSpec {
  /** Number of semantic codebooks; semantic and acoustic together are 1 to 1024. */
  readonly semanticCodebooks: number;
  readonly acousticCodebooks: number;
  /** Codes of a semantic codebook are 0 to this minus 1; 1 to 2^31 (0 is allowed where there is no such codebook). */
  readonly semanticCodebookSize: number;
  readonly acousticCodebookSize: number;
  /** Hz, of the audio that the tokens stand for. */
  readonly sampleRate: number;
  /** Hz; always `sampleRate` divided by a whole number of samples. */
  readonly frameRate: number;
  /** Fingerprint of the model whose codes these are, such as "sha256:...": 1 to 255 printable ASCII characters. */
  readonly model: string;
}

/**
 * Speech as tokens: plain data that never changes after it was made. Codes are one Int32Array of length `frames` for
 * every codebook.
 */
export interface Tokens {
  readonly semantic: readonly Int32Array[];
  readonly acoustic: readonly Int32Array[];
  readonly frames: number;
  /** Hz; always `sampleRate` divided by a whole number of samples. */
  readonly frameRate: number;
  /** Hz, of the audio that the tokens stand for. */
  readonly sampleRate: number;
  /** True length of the audio at `sampleRate`; the last frame may be filled only in part. */
  readonly samples: number;
  readonly semanticCodebookSize: number;
  readonly acousticCodebookSize: number;
  /** Fingerprint of the model whose codes these are. */
  readonly model: string;
}

/** Both in Hz. */
type TokenRates = Pick<TokenSpec, "sampleRate" | "frameRate">;

const MAX_CODEBOOKS = 1024;
const MAX_CODEBOOK_SIZE = 2 ** 31;
const MAX_RATE = 2 ** 32 - 1;

/** Makes Tokens from their parts and validates them. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function createTokens(parts: Omit<Tokens, "frames">): Tokens {
  requireCodebookArrays(parts);
  const tokens = freezeTokens(parts);
  validateTokens(tokens);
  return tokens;
}

/** Makes Tokens from parts that are known to be valid. `codes` are all codebooks, semantic first. */
export function tokensFromCodes(spec: TokenSpec, codes: readonly Int32Array[], samples: number): Tokens {
  return freezeTokens({
    semantic: codes.slice(0, spec.semanticCodebooks),
    acoustic: codes.slice(spec.semanticCodebooks),
    frameRate: spec.frameRate,
    sampleRate: spec.sampleRate,
    samples,
    semanticCodebookSize: spec.semanticCodebookSize,
    acousticCodebookSize: spec.acousticCodebookSize,
    model: spec.model,
  });
}

function freezeTokens(parts: Omit<Tokens, "frames">): Tokens {
  const { frameRate, sampleRate, samples, semanticCodebookSize, acousticCodebookSize, model } = parts;
  const semantic = Object.freeze([...parts.semantic]);
  const acoustic = Object.freeze([...parts.acoustic]);
  const frames = (semantic[0] ?? acoustic[0])?.length ?? 0;
  return Object.freeze({
    semantic,
    acoustic,
    frames,
    frameRate,
    sampleRate,
    samples,
    semanticCodebookSize,
    acousticCodebookSize,
    model,
  });
}

/** All codebooks in order, semantic first: K arrays of length `frames`. */
export function tokenCodes(tokens: Tokens): Int32Array[] {
  requireCodebookArrays(tokens);
  return [...tokens.semantic, ...tokens.acoustic];
}

/** Everything about `tokens` but the codes and their number. */
export function tokenSpec(tokens: Tokens): TokenSpec {
  requireCodebookArrays(tokens);
  return {
    semanticCodebooks: tokens.semantic.length,
    acousticCodebooks: tokens.acoustic.length,
    semanticCodebookSize: tokens.semanticCodebookSize,
    acousticCodebookSize: tokens.acousticCodebookSize,
    sampleRate: tokens.sampleRate,
    frameRate: tokens.frameRate,
    model: tokens.model,
  };
}

/** The size of every codebook in order, semantic first. */
export function codebookSizes(spec: TokenSpec): number[] {
  return [
    ...Array<number>(spec.semanticCodebooks).fill(spec.semanticCodebookSize),
    ...Array<number>(spec.acousticCodebooks).fill(spec.acousticCodebookSize),
  ];
}

/** Samples of audio in one frame: `sampleRate / frameRate`, exact. */
export function samplesPerFrame(rates: TokenRates): number {
  return Math.round(rates.sampleRate / rates.frameRate);
}

/** Information rate in bit/s: the sum over the codebooks of ceil(log2(size)), times the frame rate. */
export function bitrate(tokens: Tokens): number {
  const bits = codebookSizes(tokenSpec(tokens)).reduce((sum, size) => sum + bitsFor(size), 0);
  return bits * tokens.frameRate;
}

/** Checks a spec. `name` is what error messages call it. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function validateTokenSpec(spec: TokenSpec, name = "spec"): void {
  requireKind(name, AN_OBJECT, spec);
  requireInteger(spec.semanticCodebooks, 0, MAX_CODEBOOKS, `${name}.semanticCodebooks`);
  requireInteger(spec.acousticCodebooks, 0, MAX_CODEBOOKS, `${name}.acousticCodebooks`);
  const codebooks = spec.semanticCodebooks + spec.acousticCodebooks;
  requireInteger(codebooks, 1, MAX_CODEBOOKS, `the number of codebooks of ${name}`);
  const smallest = (count: number) => (count === 0 ? 0 : 1);
  const { semanticCodebookSize, acousticCodebookSize, sampleRate, frameRate, model } = spec;
  const sizeName = (kind: string) => `${name}.${kind}CodebookSize`;
  requireInteger(semanticCodebookSize, smallest(spec.semanticCodebooks), MAX_CODEBOOK_SIZE, sizeName("semantic"));
  requireInteger(acousticCodebookSize, smallest(spec.acousticCodebooks), MAX_CODEBOOK_SIZE, sizeName("acoustic"));
  requireInteger(sampleRate, 1, MAX_RATE, `${name}.sampleRate`);
  const hop = samplesPerFrame(spec);
  if (!(frameRate > 0 && hop <= MAX_RATE && sampleRate / hop === frameRate)) {
    const expected = `${sampleRate} Hz divided by a whole number of samples per frame`;
    throw invalidArgument(`${name}.frameRate`, expected, frameRate);
  }
  if (typeof model !== "string" || !/^[\x20-\x7e]{1,255}$/.test(model)) {
    throw invalidArgument(`${name}.model`, "a fingerprint of 1 to 255 printable ASCII characters", model);
  }
}

/**
 * Checks that `tokens` are what their type promises: a valid spec, arrays of equal length, codes within their codebooks,
 * and as many frames as `samples` fill. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT, naming the field or the code
 */
export function validateTokens(tokens: Tokens): void {
  validateTokenSpec(tokenSpec(tokens), "tokens");
  requireInteger(tokens.samples, 0, Number.MAX_SAFE_INTEGER, "tokens.samples");
  const frames = Math.ceil(tokens.samples / samplesPerFrame(tokens));
  if (tokens.frames !== frames) {
    throw invalidArgument("tokens.frames", `${frames}, the frames that ${tokens.samples} samples fill,`, tokens.frames);
  }
  for (const kind of ["semantic", "acoustic"] as const) {
    tokens[kind].forEach((codes, k) => {
      const name = `tokens.${kind}[${k}]`;
      if (!(codes instanceof Int32Array)) throw invalidArgument(name, "an Int32Array", codes);
      if (codes.length !== frames)
        throw invalidArgument(`${name}.length`, `${frames}, like tokens.frames,`, codes.length);
      const size = tokens[`${kind}CodebookSize`];
      const bad = findOutOfRange(codes, size);
      if (bad >= 0) throw invalidArgument(`${name}[${bad}]`, `a code from 0 to ${size - 1}`, codes[bad]);
    });
  }
}

function requireCodebookArrays(tokens: Pick<Tokens, "semantic" | "acoustic">): void {
  requireKind("tokens", AN_OBJECT, tokens);
  for (const kind of ["semantic", "acoustic"] as const) {
    if (!Array.isArray(tokens[kind])) throw invalidArgument(`tokens.${kind}`, "an array of Int32Array", tokens[kind]);
  }
}

/** Index of the first code that is not in 0 to size - 1, or -1. */
export function findOutOfRange(codes: Int32Array, size: number): number {
  return codes.findIndex((code) => code < 0 || code >= size);
}

/** Frames `startFrame` up to, not including, `endFrame`, as a copy. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function sliceTokens(tokens: Tokens, startFrame: number, endFrame: number): Tokens {
  const rows = tokenCodes(tokens);
  requireFrameRange(startFrame, endFrame, tokens.frames);
  const codes = rows.map((row) => row.slice(startFrame, endFrame));
  return tokensFromCodes(tokenSpec(tokens), codes, samplesBetween(tokens, tokens.samples, startFrame, endFrame));
}

/** Of a stream of `samples` samples, those that lie in frames `startFrame` to `endFrame`; its last frame can be partial. */
export function samplesBetween(spec: TokenRates, samples: number, startFrame: number, endFrame: number): number {
  const hop = samplesPerFrame(spec);
  return Math.min(samples, endFrame * hop) - Math.min(samples, startFrame * hop);
}

/**
 * Joins pieces of equal spec, one after the other. Every piece but the last counts with its whole frames, as decoding
 * the result does. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT if there is no piece or the specs differ
 */
export function concatTokens(pieces: readonly Tokens[]): Tokens {
  requireKind("pieces", AN_ARRAY, pieces);
  const first = pieces[0];
  if (first === undefined) throw invalidArgument("pieces", "at least one piece", pieces);
  const spec = tokenSpec(first);
  for (const piece of pieces) requireSameSpec(spec, piece);
  const filled = pieces.filter((piece) => piece.frames > 0);
  const frames = filled.reduce((sum, piece) => sum + piece.frames, 0);
  const last = filled.at(-1);
  const samples = last === undefined ? 0 : (frames - last.frames) * samplesPerFrame(spec) + last.samples;
  const codes = codebookSizes(spec).map(() => new Int32Array(frames));
  let start = 0;
  for (const piece of filled) {
    tokenCodes(piece).forEach((row, k) => {
      codes[k]!.set(row, start);
    });
    start += piece.frames;
  }
  return tokensFromCodes(spec, codes, samples);
}

/** Checks that `tokens` can follow a stream of the given spec. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function requireSameSpec(spec: TokenSpec, tokens: Tokens): void {
  const own = tokenSpec(tokens);
  for (const field of Object.keys(own) as (keyof TokenSpec)[]) {
    if (own[field] !== spec[field]) {
      throw invalidArgument(field, `${JSON.stringify(spec[field])}, like the tokens before,`, own[field]);
    }
  }
}

/** Checks 0 <= startFrame <= endFrame <= frames, all whole. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function requireFrameRange(startFrame: number, endFrame: number, frames: number): void {
  requireInteger(startFrame, 0, frames, "startFrame");
  requireInteger(endFrame, startFrame, frames, "endFrame");
}

/** Checks one whole number. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function requireInteger(value: unknown, smallest: number, largest: number, name: string): void {
  if (!Number.isInteger(value) || (value as number) < smallest || (value as number) > largest) {
    throw invalidArgument(name, `a whole number from ${smallest} to ${largest}`, value);
  }
}
