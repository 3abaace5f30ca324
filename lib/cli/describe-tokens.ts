import { readFile } from "node:fs/promises";
import { TokenFileReader } from "../data/token-file-reader.js";
import type { FrameRange } from "../data/token-layout.js";
import { bitrate, type TokenSpec, type Tokens, tokenSpec } from "../data/tokens.js";
import { tokensFromJson } from "../data/tokens-json.js";
import { LmsptError } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";
import { explainIo } from "../io/system-errors.js";
import type { Description } from "./description.js";
import type { TokenFormat } from "./token-formats.js";
import { formatBytes, formatDuration, formatFrames } from "./units.js";

/** What is told about a token file. */
interface TokenFacts {
  /** Everything but the codes. */
  readonly tokens: Tokens;
  readonly frames: number;
  readonly samples: number;
  readonly bytes: number;
  readonly complete: boolean;
  readonly damaged: readonly FrameRange[];
}

/** Describes a token file; the whole of it is read and checked. @throws FormatError, LmsptError */
export async function describeTokens(path: string, format: TokenFormat, signal: AbortSignal): Promise<Description> {
  if (format === "npy") {
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `${path} is NPY, which holds codes and nothing about them; encode with --format lmspt or json to keep the rest`,
    );
  }
  const facts = format === "lmspt" ? await readTokenFile(path, signal) : await readJson(path);
  const { tokens, frames, samples, bytes, complete, damaged } = facts;
  const seconds = samples / tokens.sampleRate;
  const { sampleRate, frameRate, model } = tokens;
  const codebooks = codebooksOf(tokenSpec(tokens));
  return {
    json: {
      kind: "tokens",
      path,
      format,
      bytes,
      seconds,
      samples,
      sampleRate,
      frames,
      frameRate,
      bitrate: bitrate(tokens),
      codebooks,
      model,
      complete,
      damaged,
    },
    rows: [
      ["file", `${path}, tokens as ${format}, ${formatBytes(bytes)}`],
      ["duration", `${formatDuration(seconds)}, ${samples} samples at ${sampleRate} Hz`],
      ["frames", `${frames} at ${frameRate} Hz`],
      ["bitrate", `${bitrate(tokens)} bit/s`],
      ["codebooks", describeCodebooks(codebooks)],
      ["model", model],
      ["state", complete ? "complete and intact" : damaged.length > 0 ? "DAMAGED" : "NEVER FINISHED"],
      ...damaged.map((range) => ["lost", formatFrames(range, frameRate)] as const),
      ...(complete ? [] : [["remedy", "lmspt decode --recover decodes what is intact"] as const]),
    ],
    intact: complete,
  };
}

/** Numbers and sizes of codebooks. */
export function codebooksOf(spec: TokenSpec) {
  return {
    semantic: { count: spec.semanticCodebooks, size: spec.semanticCodebookSize },
    acoustic: { count: spec.acousticCodebooks, size: spec.acousticCodebookSize },
  };
}

/** The same for people. */
export function describeCodebooks({ semantic, acoustic }: ReturnType<typeof codebooksOf>): string {
  return `${semantic.count} semantic of ${semantic.size} codes, ${acoustic.count} acoustic of ${acoustic.size}`;
}

async function readTokenFile(path: string, signal: AbortSignal): Promise<TokenFacts> {
  const file = await FileBytes.open(path);
  const bytes = file.size;
  await file.close();
  await using reader = await TokenFileReader.open(path, { recover: true, signal });
  const { frames, samples, complete, damaged } = reader;
  return { tokens: await reader.read(0, 0), frames, samples, bytes, complete, damaged };
}

async function readJson(path: string): Promise<TokenFacts> {
  const bytes = await explainIo(`Cannot read ${path}`, () => readFile(path));
  const tokens = tokensFromJson(bytes.toString());
  const { frames, samples } = tokens;
  return { tokens, frames, samples, bytes: bytes.length, complete: true, damaged: [] };
}
