/** Kaldi's data folders: wav.scp, and text, utt2dur, utt2spk and utt2lang beside it, where they are there. */
import { dirname, join, resolve } from "node:path";
import { FormatError, LmsptError } from "../../../errors.js";
import { isFile } from "../../../io/system-errors.js";
import type { CorpusEntry } from "../corpus.js";
import { readLines } from "./lines.js";
import { defined } from "./manifest.js";

/** @throws FormatError with the line; commands, which end with a bar, are refused. LmsptError ERR_LMSPT_UNSUPPORTED */
export async function readKaldi(scp: string): Promise<CorpusEntry[]> {
  const folder = dirname(scp);
  if (await isFile(join(folder, "segments"))) {
    throw new LmsptError(
      "ERR_LMSPT_UNSUPPORTED",
      `Expected a recording for each utterance, but ${folder} cuts them by a file named segments; cut them into files first`,
    );
  }
  const [texts, lengths, speakers, languages] = await Promise.all(
    ["text", "utt2dur", "utt2spk", "utt2lang"].map((name) => readTable(join(folder, name))),
  );
  const paths = await readTable(scp);
  return [...paths].map(([id, { value, place }]) => {
    if (value.endsWith("|"))
      throw new FormatError(`${place}: expected the path of an audio file, got a command, ${value}`);
    const length = lengths!.get(id);
    const seconds = length === undefined ? undefined : Number(length.value);
    if (seconds !== undefined && !(seconds >= 0)) {
      throw new FormatError(`${length!.place}: expected seconds, got ${length!.value}`);
    }
    return defined({
      source: { path: resolve(folder, value) },
      text: texts!.get(id)?.value,
      speaker: speakers!.get(id)?.value,
      language: languages!.get(id)?.value,
      seconds,
    });
  });
}

/** Lines of an id and a value; none where there is no such file. */
async function readTable(path: string): Promise<Map<string, { value: string; place: string }>> {
  const table = new Map<string, { value: string; place: string }>();
  if (!(await isFile(path))) return table;
  for (const { line, place } of await readLines(path)) {
    const match = /^(\S+)\s+(.*\S)\s*$/.exec(line);
    if (!match) throw new FormatError(`${place}: expected an id and a value, got ${line}`);
    table.set(match[1]!, { value: match[2]!, place });
  }
  return table;
}
