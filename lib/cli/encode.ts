import { extname } from "node:path";
import { convertAll } from "./batch.js";
import { AUDIO_EXTENSIONS } from "./extensions.js";
import { type ExitStatus, usageFailure } from "./failure.js";
import { locateTarget, planJobs, type Target } from "./jobs.js";
import type { ModelOptions } from "./model.js";
import { writeWhole } from "./outputs.js";
import type { Session } from "./terminal.js";
import { serializeTokens, TOKEN_FORMATS, type TokenFormat } from "./token-formats.js";
import { formatBytes, formatCount } from "./units.js";

export interface EncodeOptions extends ModelOptions {
  readonly output: string;
  readonly format?: TokenFormat;
  readonly force?: boolean;
}

/** `lmspt encode IN... -o OUT`: speech to tokens. */
export async function encode(inputs: string[], options: EncodeOptions, session: Session): Promise<ExitStatus> {
  const { force = false } = options;
  const target = await locateTarget(inputs, options.output);
  const format = chooseFormat(options.format, target);
  const outputExtension = `.${format}`;
  const plan = await planJobs(inputs, target, { inputExtensions: AUDIO_EXTENSIONS, outputExtension, force });
  return convertAll(plan, options, session, {
    verb: "Encoded",
    prepare:
      (tokenizer) =>
      async ({ input, output }, onProgress) => {
        const tokens = await tokenizer.encode(input, { signal: session.signal, onProgress });
        const bytes = serializeTokens(tokens, format);
        await writeWhole(output, bytes, session.signal);
        const summary = `${formatCount(tokens.frames, "frame")}, ${formatBytes(bytes.length)}`;
        return { seconds: tokens.samples / tokens.sampleRate, summary };
      },
  });
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
