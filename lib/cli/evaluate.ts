import type { Evaluation, SpokenItem } from "../eval/evaluate.js";
import type { DecodeMode } from "../models/tokenizer-options.js";
import { type CorpusEntry, describeSource, loadCorpus, loadSource } from "../train/data/index.js";
import { describeError, EXIT, type ExitStatus, usageFailure } from "./failure.js";
import { type ModelOptions, withTokenizer } from "./model.js";
import { loadRecogniser } from "./recogniser.js";
import { printNotice, printResult, type Session } from "./terminal.js";

export interface EvaluateCommandOptions extends ModelOptions {
  readonly recogniser?: string;
  readonly language?: string;
  readonly items?: number;
  readonly json?: boolean;
}

const MODE_NAMES: Readonly<Record<DecodeMode, string>> = {
  full: "all codebooks",
  semantic: "semantic codebooks",
  acoustic: "acoustic codebooks",
  aux: "semantic codebooks, small decoder",
};

/** `lmspt evaluate DATA... --model M [--recogniser R]`: a table of how well speech comes back. */
export async function evaluateModel(
  data: readonly string[],
  options: EvaluateCommandOptions,
  session: Session,
): Promise<ExitStatus> {
  const { items, json, language, quiet = false } = options;
  const entries = spread(inLanguage(await loadCorpus(data), language), items ?? Number.POSITIVE_INFINITY);
  const { recogniser: folder } = options;
  const recogniser = folder === undefined ? undefined : await loadRecogniser(folder, options, session);
  let broken = 0;
  const onBroken = ({ source }: Pick<CorpusEntry, "source">, error: unknown) => {
    printNotice(session.terminal, `${describeSource(source)}: ${describeError(error)}`);
    broken++;
  };
  try {
    return await withTokenizer(options, session, async (tokenizer) => {
      const { evaluate } = await import("../eval/evaluate.js");
      const result = await evaluate(tokenizer, readAll(entries, onBroken), {
        recogniser,
        signal: session.signal,
        onBroken,
        onProgress: (done) => {
          if (!quiet && done % 10 === 0) printNotice(session.terminal, `${done} of ${entries.length} recordings`);
        },
      });
      if (result.recordings === 0) return EXIT.inputFailed;
      printResult(session.terminal, json ? JSON.stringify(toJson(result)) : toTable(result));
      return broken === 0 ? EXIT.done : EXIT.inputFailed;
    });
  } finally {
    await recogniser?.close();
  }
}

function inLanguage(entries: readonly CorpusEntry[], language: string | undefined): readonly CorpusEntry[] {
  if (language === undefined) return entries;
  const found = entries.filter((entry) => entry.language === language);
  if (found.length > 0) return found;
  const known = new Set(entries.map((entry) => entry.language ?? "none"));
  throw usageFailure(
    `Expected recordings in the language ${language}, found these languages: ${[...known].join(", ")}`,
  );
}

/** At most so many, evenly from all. */
function spread(entries: readonly CorpusEntry[], most: number): readonly CorpusEntry[] {
  if (entries.length <= most) return entries;
  return Array.from({ length: most }, (_, i) => entries[Math.floor((i * entries.length) / most)]!);
}

async function* readAll(
  entries: readonly CorpusEntry[],
  onBroken: (entry: CorpusEntry, error: unknown) => void,
): AsyncGenerator<SpokenItem & Pick<CorpusEntry, "source">> {
  for (const entry of entries) {
    const audio = await loadSource(entry.source).catch((error: unknown) => onBroken(entry, error));
    if (audio) yield { ...entry, audio };
  }
}

function toJson({ decoded, ...rest }: Evaluation): object {
  return { ...rest, decoded: Object.fromEntries(decoded) };
}

function toTable({ recordings, seconds, original, decoded, usage }: Evaluation): string {
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? "-";
  const percent = (share: number | undefined) => (share === undefined ? "-" : `${(100 * share).toFixed(1)} %`);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const header = ["speech", "log-mel distance, dB", "STOI", "SI-SDR, dB", "word error rate"];
  const { semantic, acoustic } = usage;
  return [
    row(header),
    row(header.map(() => "---")),
    row(["original", "0", "1", "-", percent(original.wordErrorRate)]),
    ...[...decoded].map(([mode, quality]) =>
      row([
        MODE_NAMES[mode],
        number(quality.logMelDistance, 2),
        number(quality.stoi, 3),
        number(quality.siSdr, 1),
        percent(quality.wordErrorRate),
      ]),
    ),
    "",
    `${recordings} recordings, ${seconds.toFixed(0)} s. Codes used: semantic ${percent(semantic.used)} (perplexity ` +
      `${semantic.perplexity.toFixed(0)}), acoustic ${percent(acoustic.used)} (${acoustic.perplexity.toFixed(0)}).`,
  ].join("\n");
}
