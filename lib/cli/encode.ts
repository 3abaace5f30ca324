import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { loadAudio } from "../audio/decode.js";
import type { Tokens } from "../data/tokens.js";
import { writeWhole } from "../io/atomic-file.js";
import type { WorkOptions } from "../models/tokenizer.js";
import { ArchiveOutput } from "./archive-output.js";
import { type Conversion, convertAll, type Machinery, type ReadyJob } from "./batch.js";
import type { JobResult } from "./batch-results.js";
import { AUDIO_EXTENSIONS } from "./extensions.js";
import { type ExitStatus, usageFailure } from "./failure.js";
import { FileOutputs } from "./file-outputs.js";
import { locateTarget, planJobs, type Target } from "./jobs.js";
import type { ModelOptions } from "./model.js";
import type { Session } from "./terminal.js";
import { serializeTokens, TOKEN_FORMATS, type TokenFormat } from "./token-formats.js";
import { formatBytes, formatCount } from "./units.js";

/** Inputs that take less memory are read whole, and encoded together with others; others are streamed. */
const SHORT_BYTES = 2 ** 24;

export interface EncodeOptions extends ModelOptions {
  readonly output: string;
  readonly format?: TokenFormat;
  readonly archive?: boolean;
  /** In MB. */
  readonly shardSize?: number;
  readonly force?: boolean;
}

/** `lmspt encode IN... -o OUT`: speech to tokens. */
export async function encode(inputs: string[], options: EncodeOptions, session: Session): Promise<ExitStatus> {
  const { archive = false, shardSize, force = false } = options;
  if (shardSize !== undefined && !archive) throw usageFailure("Expected --archive with --shard-size");
  const target = archive
    ? ({ kind: "folder", path: options.output } as const)
    : await locateTarget(inputs, options.output);
  const format = archive ? "lmspt" : chooseFormat(options.format, target);
  const outputExtension = archive ? "" : `.${format}`;
  const plan = await planJobs(inputs, target, { inputExtensions: AUDIO_EXTENSIONS, outputExtension, force });
  const conversion = archive ? intoArchive(options, session) : intoFiles(target, format, options, session);
  return convertAll(plan, options, session, conversion);
}

function intoFiles(target: Target, format: TokenFormat, options: EncodeOptions, { signal }: Session): Conversion {
  const { precision, force = false } = options;
  return {
    verb: "Encoded",
    withWork: async (machinery, run) => {
      const made = { model: machinery.tokenizer.info.model, precision, format };
      await using outputs = await FileOutputs.open(target, { made, force });
      await run({
        state: (job) => outputs.state(job, job.identity),
        convert: async (job, onProgress) => {
          const save = (write: (path: string) => Promise<void>) => outputs.save(job, job.identity, write);
          if (format === "lmspt" && isLong(job)) return encodeFile(job, machinery, save, { signal, onProgress });
          const tokens = await encodeInput(job, machinery, signal, onProgress);
          const bytes = serializeTokens(tokens, format);
          await save((path) => writeWhole(path, bytes, signal));
          return resultOf(tokens, tokens.sampleRate, bytes.length);
        },
      });
    },
  };
}

function intoArchive({ output, shardSize, force = false }: EncodeOptions, session: Session): Conversion {
  const shardBytes = shardSize === undefined ? undefined : shardSize * 1e6;
  return {
    verb: "Encoded",
    withWork: (machinery, run) => {
      const options = { spec: machinery.tokenizer.tokenSpec, shardBytes, force, session };
      return ArchiveOutput.open(output, options, (archive) =>
        run({
          state: (job) => archive.state(job, job.identity),
          convert: async (job, onProgress) => {
            const tokens = await encodeInput(job, machinery, session.signal, onProgress);
            await archive.save(job, job.identity, tokens);
            return { seconds: tokens.samples / tokens.sampleRate, summary: formatCount(tokens.frames, "frame") };
          },
        }),
      );
    },
  };
}

/** From disk to disk, in memory of a fixed size. */
async function encodeFile(
  { input }: ReadyJob,
  { tokenizer }: Machinery,
  save: (write: (path: string) => Promise<void>) => Promise<void>,
  options: WorkOptions,
): Promise<JobResult> {
  let result: JobResult | undefined;
  await save(async (path) => {
    const written = await tokenizer.encodeFile(input, path, options);
    result = resultOf(written, tokenizer.sampleRate, (await stat(path)).size);
  });
  return result!;
}

async function encodeInput(
  job: ReadyJob,
  { tokenizer, batcher }: Machinery,
  signal: AbortSignal,
  onProgress: (doneSeconds: number, totalSeconds: number) => void,
): Promise<Tokens> {
  if (isLong(job)) return tokenizer.encode(job.input, { signal, onProgress });
  return batcher.encode(await loadAudio(job.input, { signal }), { signal });
}

function isLong({ memory }: ReadyJob): boolean {
  return memory >= SHORT_BYTES;
}

function resultOf({ frames, samples }: Pick<Tokens, "frames" | "samples">, rate: number, bytes: number): JobResult {
  return { seconds: samples / rate, summary: `${formatCount(frames, "frame")}, ${formatBytes(bytes)}` };
}

/** The format that was asked for, or that the extension of a single output stands for. */
function chooseFormat(asked: TokenFormat | undefined, target: Target): TokenFormat {
  if (target.kind === "folder") return asked ?? "lmspt";
  const extension = extname(target.path).toLowerCase();
  const named = TOKEN_FORMATS.find((format) => extension === `.${format}`);
  const expected = asked ? [asked] : TOKEN_FORMATS;
  if (named !== undefined && (asked ?? named) === named) return named;
  throw usageFailure(
    `Expected --output to end in ${expected.map((format) => `.${format}`).join(", ")}, or in a slash to mean a folder, ` +
      `but it is ${target.path}`,
  );
}
