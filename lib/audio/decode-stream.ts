import type { MultiChannelAudio } from "./audio.js";
import { describeNonFinite } from "./audio.js";
import { DamagedStream } from "./damaged-stream.js";
import { cutFlac, parseFlac } from "./flac.js";
import { checkOgg } from "./ogg.js";
import type { CompressedFormat, DecodedPart, StreamDecoder } from "./stream-decoders.js";
import { openDecoder } from "./stream-decoders.js";
import { hasText, withoutEndTags } from "./tags.js";

/** A stream with more samples than allowed. */
export class TooManySamples extends Error {}

/** Small, because a few bytes of silence can decode to a second of samples. */
const CHUNK_BYTES = 8192;
/** More than any frame of FLAC or MP3 takes. */
const MAX_BARREN_BYTES = 4 * 2 ** 20;

interface DecodeLimits {
  readonly maxSamples: number;
  readonly onProgress: () => void;
}

/**
 * Decodes a whole compressed file.
 *
 * @param limits.maxSamples most samples over all channels
 * @param limits.onProgress called after every few kilobytes
 * @throws DamagedStream, TooManySamples, or what the decoder throws
 */
export async function decodeStream(
  format: CompressedFormat,
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<MultiChannelAudio> {
  if (hasText(bytes, 0, "OggS")) {
    checkOgg(bytes);
    return decodeChunks(await openDecoder(format, bytes), cutAnywhere(bytes), Infinity, limits).join();
  }
  const untagged = withoutEndTags(bytes);
  if (format === "flac") return decodeFlac(untagged, limits);
  return decodeChunks(await openDecoder(format, bytes), cutAnywhere(untagged), MAX_BARREN_BYTES, limits).join();
}

async function decodeFlac(bytes: Uint8Array, limits: DecodeLimits): Promise<MultiChannelAudio> {
  const { frames, stream } = parseFlac(bytes);
  const decoder = await openDecoder("flac", stream);
  // Fed with pieces cut anywhere, the FLAC decoder overlooks frames that begin at the very end of a piece.
  const sound = decodeChunks(decoder, cutFlac(stream, CHUNK_BYTES), MAX_BARREN_BYTES, limits);
  if (frames > 0 && sound.frames !== frames) {
    throw new DamagedStream(`the header promises ${frames} frames but ${sound.frames} can be decoded`);
  }
  return sound.join();
}

function* cutAnywhere(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) yield bytes.subarray(offset, offset + CHUNK_BYTES);
}

/** Decodes piece by piece. Damage is also a stretch of more than `maxBarrenBytes` out of which no sound comes. */
function decodeChunks(
  decoder: StreamDecoder,
  chunks: Iterable<Uint8Array>,
  maxBarrenBytes: number,
  { maxSamples, onProgress }: DecodeLimits,
): CollectedSound {
  const sound = new CollectedSound(maxSamples);
  let barrenBytes = 0;
  for (const chunk of chunks) {
    barrenBytes = sound.add(decoder.decode(chunk)) ? 0 : barrenBytes + chunk.length;
    if (barrenBytes > maxBarrenBytes) throw new DamagedStream(`no sound comes out of ${barrenBytes} bytes`);
    onProgress();
  }
  if (decoder.flush) sound.add(decoder.flush());
  return sound;
}

/** The decoded parts of one stream. */
class CollectedSound {
  frames = 0;
  readonly #parts: DecodedPart[] = [];
  readonly #maxSamples: number;

  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples;
  }

  /** Takes a part; says whether it holds any sound. */
  add(part: DecodedPart): boolean {
    const error = part.errors?.[0];
    if (error) throw new DamagedStream(error.message.trim(), undefined, { cause: part.errors });
    const frames = part.channelData[0]?.length ?? 0;
    if (frames === 0) return false;
    const first = this.#parts[0] ?? part;
    if (part.sampleRate !== first.sampleRate || part.channelData.length !== first.channelData.length) {
      throw new DamagedStream("its channels or its sample rate change on the way");
    }
    const problem = describeNonFinite(part.channelData, this.frames);
    if (problem) throw new DamagedStream(problem);
    this.#parts.push(part);
    this.frames += frames;
    if (this.frames * part.channelData.length > this.#maxSamples) throw new TooManySamples();
    return true;
  }

  /** All parts in one. */
  join(): MultiChannelAudio {
    const first = this.#parts[0];
    if (!first) throw new DamagedStream("it holds no sound");
    const channels = first.channelData.map((_, channel) => {
      const joined = new Float32Array(this.frames);
      let at = 0;
      for (const { channelData } of this.#parts) {
        joined.set(channelData[channel]!, at);
        at += channelData[channel]!.length;
      }
      return joined;
    });
    return { channels, sampleRate: first.sampleRate };
  }
}
