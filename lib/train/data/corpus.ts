/** The audio files of a corpus: folders of any layout, single files, JSONL manifests and Kaldi's wav.scp. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { FormatError, LmsptError } from "../../errors.js";
import { explainIo, statIfPresent } from "../../io/system-errors.js";

const AUDIO_EXTENSIONS = [".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus"];

/** Names under which manifests hold the path of an audio file. */
const PATH_FIELDS = ["audio", "audio_filepath", "path", "wav"];

/** An audio file, with what a manifest says about it. */
export interface CorpusItem {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The files that the sources name, in the order of the sources, folders sorted; the same on every machine.
 * @throws LmsptError ERR_LMSPT_IO where a source cannot be read or gives nothing, FormatError for a broken manifest
 */
export async function listAudio(sources: readonly string[]): Promise<string[]> {
  return (await listItems(sources)).map(({ path }) => path);
}

/** As `listAudio`, with the fields of manifests. */
export async function listItems(sources: readonly string[]): Promise<CorpusItem[]> {
  const items: CorpusItem[] = [];
  for (const source of sources) {
    const found = await itemsOf(source);
    if (found.length === 0) {
      throw new LmsptError(
        "ERR_LMSPT_IO",
        `Expected audio files in ${source} (${AUDIO_EXTENSIONS.join(", ")}), found none`,
      );
    }
    items.push(...found);
  }
  return items;
}

async function itemsOf(source: string): Promise<CorpusItem[]> {
  const stats = await explainIo(`Cannot look at ${source}`, () => statIfPresent(source));
  if (!stats)
    throw new LmsptError("ERR_LMSPT_IO", `Expected a folder, an audio file or a manifest at ${source}, found nothing`);
  if (!stats.isDirectory() && extname(source) === ".jsonl") return readManifest(source);
  return (await filesOf(source, stats.isDirectory())).map((path) => ({ path, fields: {} }));
}

async function filesOf(source: string, isFolder: boolean): Promise<string[]> {
  if (isFolder) return explainIo(`Cannot read the folder ${source}`, () => walk(source));
  return basename(source) === "wav.scp" ? readScp(source) : [resolve(source)];
}

/** Hidden files and folders are left out. */
async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(resolve(folder), entry.name);
    if (entry.isDirectory()) found.push(...(await walk(path)));
    else if (AUDIO_EXTENSIONS.includes(extname(entry.name).toLowerCase())) found.push(path);
  }
  return found;
}

async function linesOf(path: string): Promise<string[]> {
  return (await explainIo(`Cannot read ${path}`, () => readFile(path, "utf8"))).split(/\r?\n/);
}

async function readManifest(path: string): Promise<CorpusItem[]> {
  const items: CorpusItem[] = [];
  for (const [index, line] of (await linesOf(path)).entries()) {
    if (line.trim() === "") continue;
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch (cause) {
      throw new FormatError(`${path}:${index + 1}: ${(cause as Error).message}`, undefined, { cause });
    }
    const fields = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
    const file = PATH_FIELDS.map((name) => fields[name]).find((value) => typeof value === "string");
    if (file === undefined) {
      throw new FormatError(`${path}:${index + 1}: expected the path of an audio file as ${PATH_FIELDS.join(", ")}`);
    }
    items.push({ path: resolve(dirname(path), file as string), fields });
  }
  return items;
}

/** Lines of an id and a path; commands, which end with a bar, are refused. */
async function readScp(path: string): Promise<string[]> {
  const files: string[] = [];
  for (const [index, line] of (await linesOf(path)).entries()) {
    if (line.trim() === "") continue;
    const match = /^\S+\s+(.*\S)\s*$/.exec(line);
    if (!match || match[1]!.endsWith("|")) {
      throw new FormatError(`${path}:${index + 1}: expected an id and the path of an audio file, got ${line}`);
    }
    files.push(resolve(dirname(path), match[1]!));
  }
  return files;
}
