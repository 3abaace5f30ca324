import { tokensFromNpy, tokensToNpy } from "../data/npy.js";
import { decodeTokenFile, encodeTokenFile } from "../data/token-file.js";
import type { TokenSpec, Tokens } from "../data/tokens.js";
import { tokensFromJson, tokensToJson } from "../data/tokens-json.js";
import { FormatError, LmsptError } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";

/** The forms in which tokens are written; each is also the extension of its files. */
export const TOKEN_FORMATS = ["lmspt", "json", "npy"] as const;

export type TokenFormat = (typeof TOKEN_FORMATS)[number];

/** The file of `tokens` in one of the forms. */
export function serializeTokens(tokens: Tokens, format: TokenFormat): Uint8Array {
  if (format === "lmspt") return encodeTokenFile(tokens);
  if (format === "npy") return tokensToNpy(tokens);
  return Buffer.from(`${JSON.stringify(tokensToJson(tokens))}\n`);
}

/**
 * Reads a file in any of the forms, told apart by content. What is not in the file is taken from `spec`: the
 * codebooks of JSON from elsewhere, and all but the codes of NPY, whose last frame then counts as full.
 * @throws FormatError, LmsptError
 */
export async function readTokens(path: string, spec: TokenSpec): Promise<Tokens> {
  const file = await FileBytes.open(path);
  try {
    const head = await file.read(0, HEAD_BYTES);
    const format = sniffTokens(head);
    if (format === undefined) return decodeTokenFile(head);
    const bytes = await file.read(0, file.size);
    if (format === "lmspt") return decodeOrAdvise(bytes);
    if (format === "npy") return tokensFromNpy(bytes, spec);
    const { semanticCodebooks, semanticCodebookSize, acousticCodebookSize } = spec;
    const defaults = { semanticCodebooks, semanticCodebookSize, acousticCodebookSize };
    return tokensFromJson(Buffer.from(bytes).toString(), defaults);
  } finally {
    await file.close();
  }
}

/** Adds to the error of a damaged file what helps, where it does. */
function decodeOrAdvise(bytes: Uint8Array): Tokens {
  try {
    return decodeTokenFile(bytes);
  } catch (error) {
    if (!(error instanceof FormatError) || !hasIntactChunks(bytes)) throw error;
    const message = `${error.message}; --recover decodes what is intact of it`;
    throw new LmsptError("ERR_LMSPT_FORMAT", message, { cause: error });
  }
}

function hasIntactChunks(bytes: Uint8Array): boolean {
  try {
    return decodeTokenFile(bytes, { recover: true }).chunks.length > 0;
  } catch {
    return false;
  }
}

/** The form of the file at `path`; undefined where it is no token file. */
export async function sniffTokenFile(path: string): Promise<TokenFormat | undefined> {
  const file = await FileBytes.open(path);
  try {
    return sniffTokens(await file.read(0, HEAD_BYTES));
  } finally {
    await file.close();
  }
}

/** The form of a file by its first bytes; undefined where they begin no token file. */
function sniffTokens(head: Uint8Array): TokenFormat | undefined {
  const text = Buffer.from(head).toString("latin1");
  if (text.startsWith("\x89LMSPT")) return "lmspt";
  if (text.startsWith("\x93NUMPY")) return "npy";
  return /^\s*\{/.test(text) ? "json" : undefined;
}

/** Bytes that `sniffTokens` wants. */
const HEAD_BYTES = 16;
