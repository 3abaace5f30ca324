import { TokenArchive } from "../data/token-archive.js";
import { entryFrames } from "../data/token-archive-index.js";
import type { Tokens } from "../data/tokens.js";
import { FormatError, LmsptError } from "../errors.js";
import { codebooksOf, describeCodebooks } from "./describe-tokens.js";
import type { Description } from "./description.js";
import { formatBytes, formatCount, formatDuration } from "./units.js";

/** Damaged entries that people are told; programs get all. */
const MOST_SHOWN = 20;

/** Describes a token archive; all of it is read and checked. @throws FormatError, LmsptError */
export async function describeArchive(folder: string, signal: AbortSignal): Promise<Description> {
  const archive = await TokenArchive.open(folder, { recover: true, signal });
  const { spec, entries, damagedLines } = archive;
  const damaged: { name: string; problem: string }[] = [];
  for (const { name } of entries) {
    signal.throwIfAborted();
    const problem = await problemOf(archive.get(name));
    if (problem !== undefined) damaged.push({ name, problem });
  }
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const samples = sum(entries.map((entry) => entry.samples));
  const frames = sum(entries.map((entry) => entryFrames(entry, spec)));
  const bytes = sum(entries.map((entry) => entry.bytes));
  const shards = new Set(entries.map(({ shard }) => shard)).size;
  const { sampleRate, frameRate, model } = spec;
  const seconds = samples / sampleRate;
  const codebooks = codebooksOf(spec);
  const intact = damaged.length === 0 && damagedLines.length === 0;
  const size = { entries: entries.length, shards, bytes, seconds, samples, frames };
  const rows: [string, string][] = [
    ["archive", `${folder}, ${formatCount(shards, "shard")}, ${formatBytes(bytes)}`],
    ["entries", `${entries.length}, ${formatDuration(seconds)} at ${sampleRate} Hz`],
    ["frames", `${frames} at ${frameRate} Hz`],
    ["codebooks", describeCodebooks(codebooks)],
    ["model", model],
    ["state", intact ? "complete and intact" : "DAMAGED"],
    ...damagedLines.slice(0, MOST_SHOWN).map((line): [string, string] => ["lost", `line ${line} of the index`]),
    ...damaged.slice(0, MOST_SHOWN).map(({ problem }): [string, string] => ["lost", problem]),
  ];
  const shown = Math.min(MOST_SHOWN, damagedLines.length) + Math.min(MOST_SHOWN, damaged.length);
  const hidden = damagedLines.length + damaged.length - shown;
  if (hidden > 0) rows.push(["", `and ${hidden} more; --json tells all`]);
  return {
    json: { kind: "archive", path: folder, ...size, sampleRate, frameRate, codebooks, model, damagedLines, damaged },
    rows,
    intact,
  };
}

async function problemOf(reading: Promise<Tokens>): Promise<string | undefined> {
  try {
    await reading;
    return undefined;
  } catch (error) {
    if (error instanceof FormatError || (error instanceof LmsptError && error.code === "ERR_LMSPT_IO")) {
      return error.message;
    }
    throw error;
  }
}
