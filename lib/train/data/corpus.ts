/**
 * The recordings of a corpus: folders of any layout, single files, JSONL manifests, Kaldi's wav.scp, tar shards and
 * indices that `lmspt prepare` made, with what is known of each.
 */
import { basename, extname, resolve } from "node:path";
import { LmsptError } from "../../errors.js";
import { explainIo, statIfPresent } from "../../io/system-errors.js";
import type { AudioSource } from "./audio-source.js";
import { AUDIO_EXTENSIONS } from "./layouts/audio-extensions.js";
import { listFolder } from "./layouts/folder.js";
import { readKaldi } from "./layouts/kaldi.js";
import { readManifest } from "./layouts/manifest.js";
import { readTarShard } from "./layouts/tar-shard.js";
import { isCorpusIndex, readCorpusIndex } from "./prepare/corpus-index.js";

/** A recording. What its corpus does not tell is left out. */
export interface CorpusEntry {
  readonly source: AudioSource;
  /** What is said, as the corpus writes it. */
  readonly text?: string;
  readonly speaker?: string;
  readonly language?: string;
  /** Length. */
  readonly seconds?: number;
}

/**
 * The recordings that the paths name, in the order of the paths, folders sorted; the same on every machine. Nothing is
 * decoded.
 * @throws LmsptError ERR_LMSPT_IO where a path cannot be read or gives nothing, FormatError for a broken manifest
 */
export async function loadCorpus(paths: readonly string[]): Promise<CorpusEntry[]> {
  const entries: CorpusEntry[] = [];
  for (const path of paths) {
    const found = await entriesOf(path);
    if (found.length === 0) {
      throw new LmsptError(
        "ERR_LMSPT_IO",
        `Expected audio files in ${path} (${AUDIO_EXTENSIONS.join(", ")}), found none`,
      );
    }
    for (const entry of found) entries.push(entry);
  }
  return entries;
}

async function entriesOf(path: string): Promise<CorpusEntry[]> {
  const stats = await explainIo(`Cannot look at ${path}`, () => statIfPresent(path));
  if (!stats)
    throw new LmsptError("ERR_LMSPT_IO", `Expected a folder, an audio file or a manifest at ${path}, found nothing`);
  if (stats.isDirectory()) return listFolder(resolve(path));
  if (extname(path) === ".tar") return readTarShard(resolve(path));
  if (await isCorpusIndex(path)) return (await readCorpusIndex(resolve(path))).entries;
  if (extname(path) === ".jsonl") return readManifest(resolve(path));
  if (basename(path) === "wav.scp") return readKaldi(resolve(path));
  return [{ source: { path: resolve(path) } }];
}
