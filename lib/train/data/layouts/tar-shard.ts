/**
 * Tar shards as Emilia and WebDataset have them: `NAME.json` (or `NAME.txt`) with the facts of `NAME.mp3`, read where
 * they lie.
 */
import { extname } from "node:path";
import { parseAsync } from "../../../data/parser.js";
import { parseTarMembers, type TarMember } from "../../../data/tar-members.js";
import { FormatError } from "../../../errors.js";
import { FileBytes } from "../../../io/file-bytes.js";
import type { CorpusEntry } from "../corpus.js";
import { AUDIO_EXTENSIONS } from "./audio-extensions.js";
import { factsOf, parseObject } from "./manifest.js";

const MOST_FACTS_BYTES = 2 ** 24;

/** In the order of the shard. @throws FormatError with the place, LmsptError ERR_LMSPT_IO */
export async function readTarShard(path: string): Promise<CorpusEntry[]> {
  const file = await FileBytes.open(path);
  try {
    const members = await parseAsync(file, parseTarMembers(file.size));
    const factFiles = new Map(members.filter(holdsFacts).map((member) => [member.name, member]));
    const entries: CorpusEntry[] = [];
    for (const { name, offset, bytes } of members.filter(({ name }) => isAudio(name))) {
      const base = name.slice(0, name.length - extname(name).length);
      const source = { path, part: { name, offset, bytes } };
      entries.push({ source, ...(await readFacts(file, factFiles, base)) });
    }
    return entries;
  } catch (error) {
    throw error instanceof FormatError && !error.message.startsWith(path)
      ? new FormatError(`${path}: ${error.message}`, undefined, { cause: error })
      : error;
  } finally {
    await file.close();
  }
}

async function readFacts(
  file: FileBytes,
  factFiles: ReadonlyMap<string, TarMember>,
  base: string,
): Promise<Omit<CorpusEntry, "source">> {
  const json = factFiles.get(`${base}.json`);
  if (json) return factsOf(parseObject(await readMember(file, json), `${file.path}: ${json.name}`));
  const text = factFiles.get(`${base}.txt`);
  return text ? { text: (await readMember(file, text)).trim() } : {};
}

async function readMember(file: FileBytes, { name, offset, bytes }: TarMember): Promise<string> {
  if (bytes > MOST_FACTS_BYTES)
    throw new FormatError(`${file.path}: ${name} has ${bytes} bytes, too many for a transcript`);
  return Buffer.from(await file.read(offset, bytes)).toString("utf8");
}

function holdsFacts({ name }: TarMember): boolean {
  return name.endsWith(".json") || name.endsWith(".txt");
}

function isAudio(name: string): boolean {
  return AUDIO_EXTENSIONS.includes(extname(name).toLowerCase());
}
