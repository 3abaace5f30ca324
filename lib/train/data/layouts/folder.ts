/** Folders of audio files, at any depth, with the transcripts that known corpora lay beside or above them. */
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { explainIo } from "../../../io/system-errors.js";
import type { CorpusEntry } from "../corpus.js";
import { AUDIO_EXTENSIONS } from "./audio-extensions.js";
import { readKaldi } from "./kaldi.js";
import { readTarShard } from "./tar-shard.js";
import { findTranscripts, type Transcripts } from "./transcripts.js";

/**
 * Sorted; hidden files and folders are left out. A folder with Kaldi's wav.scp is what that file says, and a tar shard what
 * is in it.
 */
export async function listFolder(folder: string, above: readonly Transcripts[] = []): Promise<CorpusEntry[]> {
  const found = await explainIo(`Cannot read the folder ${folder}`, () => readdir(folder, { withFileTypes: true }));
  const visible = found.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = visible.map(({ name }) => name);
  if (names.includes("wav.scp")) return readKaldi(join(folder, "wav.scp"));
  const transcripts = [...(await findTranscripts(folder, names)), ...above];
  const entries: CorpusEntry[] = [];
  for (const item of visible) {
    const path = join(folder, item.name);
    if (item.isDirectory()) for (const entry of await listFolder(path, transcripts)) entries.push(entry);
    else if (item.name.endsWith(".tar")) for (const entry of await readTarShard(path)) entries.push(entry);
    else if (AUDIO_EXTENSIONS.includes(extname(item.name).toLowerCase())) {
      entries.push({ source: { path }, ...(await lookUp(path, transcripts)) });
    }
  }
  return entries;
}

async function lookUp(path: string, transcripts: readonly Transcripts[]) {
  for (const find of transcripts) {
    const facts = await find(path);
    if (facts !== undefined) return facts;
  }
  return {};
}
