/** Where a recording lies: in a file of its own, or between other things in one, such as a tar shard. */
import { type Audio, downmix } from "../../audio/audio.js";
import { type ByteSource, openFileSource } from "../../audio/byte-source.js";
import { decodeAudio } from "../../audio/decode.js";
import { FormatError } from "../../errors.js";

export interface AudioSource {
  /** Of the file; absolute. */
  readonly path: string;
  /** The bytes that the recording takes of the file, where they are not all. */
  readonly part?: FilePart;
}

export interface FilePart {
  /** What the file calls it. */
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** What people are told: a path, or `shard.tar: 000001.mp3`. */
export function describeSource({ path, part }: AudioSource): string {
  return part === undefined ? path : `${path}: ${part.name}`;
}

/** The bytes of a recording. @throws LmsptError ERR_LMSPT_IO; FormatError where the file ends before its part does */
export async function openSource({ path, part }: AudioSource): Promise<ByteSource> {
  const file = await openFileSource(path);
  if (part === undefined) return file;
  if (part.offset + part.bytes > file.size) {
    await file.close();
    throw new FormatError(`${path} ends before its part ${part.name} does`, file.size);
  }
  return {
    size: part.bytes,
    read: (offset, length) => file.read(part.offset + offset, length),
    close: () => file.close(),
  };
}

/** A whole recording, its channels mixed into one. @throws as `decodeAudio` does */
export async function loadSource(source: AudioSource): Promise<Audio> {
  if (source.part === undefined) return downmix(await decodeAudio(source.path));
  const bytes = await openSource(source);
  try {
    return downmix(await decodeAudio(await bytes.read(0, bytes.size)));
  } finally {
    await bytes.close();
  }
}
