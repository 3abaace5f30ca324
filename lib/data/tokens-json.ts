/**
 * Tokens as JSON: `{ codes, frameRate, sampleRate, samples, model, semanticCodebooks, semanticCodebookSize,
 * acousticCodebookSize }`, where `codes` holds one list for every codebook, semantic first.
 */
import { FormatError, LmsptError } from "../errors.js";
import { createTokens, type TokenSpec, type Tokens, tokenCodes } from "./tokens.js";

/** The JSON form of Tokens. */
export interface TokensJson {
  /** K lists of `frames` codes, semantic codebooks first. */
  codes: number[][];
  /** Hz. */
  frameRate: number;
  /** Hz. */
  sampleRate: number;
  /** True length of the audio at `sampleRate`. */
  samples: number;
  /** Fingerprint of the model. */
  model: string;
  semanticCodebooks: number;
  semanticCodebookSize: number;
  acousticCodebookSize: number;
}

/** The fields that JSON from elsewhere may lack; a model's TokenSpec serves. */
export type TokensJsonDefaults = Pick<TokenSpec, "semanticCodebooks" | "semanticCodebookSize" | "acousticCodebookSize">;

/** The JSON form of `tokens`, ready for JSON.stringify. */
export function tokensToJson(tokens: Tokens): TokensJson {
  return {
    codes: tokenCodes(tokens).map((row) => Array.from(row)),
    frameRate: tokens.frameRate,
    sampleRate: tokens.sampleRate,
    samples: tokens.samples,
    model: tokens.model,
    semanticCodebooks: tokens.semantic.length,
    semanticCodebookSize: tokens.semanticCodebookSize,
    acousticCodebookSize: tokens.acousticCodebookSize,
  };
}

/**
 * Reads the JSON form, from text or from a value that JSON.parse gave. The codebook fields may be missing when
 * `defaults` states them. @throws FormatError saying which field is wrong
 */
export function tokensFromJson(json: unknown, defaults?: TokensJsonDefaults): Tokens {
  const value = typeof json === "string" ? parse(json) : json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError("Expected a JSON object with codes, frameRate, sampleRate, samples and model");
  }
  const fields = { ...defaults, ...value } as Record<string, unknown>;
  const codes = readCodes(fields.codes);
  const semanticCodebooks = readNumber(fields, "semanticCodebooks");
  if (!Number.isInteger(semanticCodebooks) || semanticCodebooks < 0 || semanticCodebooks > codes.length) {
    throw new FormatError(
      `Expected semanticCodebooks to be 0 to ${codes.length}, the number of lists in codes, but found ${semanticCodebooks}`,
    );
  }
  try {
    return createTokens({
      semantic: codes.slice(0, semanticCodebooks),
      acoustic: codes.slice(semanticCodebooks),
      frameRate: readNumber(fields, "frameRate"),
      sampleRate: readNumber(fields, "sampleRate"),
      samples: readNumber(fields, "samples"),
      semanticCodebookSize: readNumber(fields, "semanticCodebookSize"),
      acousticCodebookSize: readNumber(fields, "acousticCodebookSize"),
      model: fields.model as string,
    });
  } catch (error) {
    if (error instanceof FormatError || !(error instanceof LmsptError)) throw error;
    throw new FormatError(`The JSON is not valid tokens: ${error.message}`, undefined, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    const offset = position === undefined ? undefined : Buffer.byteLength(text.slice(0, Number(position)));
    throw new FormatError(`The tokens are not JSON: ${(error as Error).message}`, offset, { cause: error });
  }
}

function readNumber(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") {
    throw new FormatError(`Expected the field ${name} to be a number but found ${show(value)}`);
  }
  return value;
}

function readCodes(codes: unknown): Int32Array[] {
  if (!Array.isArray(codes) || !codes.every(Array.isArray)) {
    throw new FormatError("Expected the field codes to be a list of lists of whole numbers, one for every codebook");
  }
  return codes.map((row: unknown[], k) => {
    const wrong = row.findIndex((code) => !Number.isInteger(code) || code !== ((code as number) | 0));
    if (wrong >= 0) {
      throw new FormatError(`Expected codes[${k}][${wrong}] to be a code but found ${show(row[wrong])}`);
    }
    return Int32Array.from(row as number[]);
  });
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
