import { describeNonFinite } from "./audio.js";
import { DamagedStream } from "./damaged-stream.js";
import { cutFlac, parseFlac } from "./flac.js";
import { OggPages } from "./ogg.js";
import type { SoundPart } from "./sound-part.js";
import type { CompressedFormat, DecodedPart, StreamDecoder } from "./stream-decoders.js";
import { openDecoder } from "./stream-decoders.js";
import type { SyncBytes } from "./sync-bytes.js";
import { hasText, withoutEndTags } from "./tags.js";

/** Small, because a few bytes of silence can decode to a second of samples. */
const CHUNK_BYTES = 8192;
/** More than any frame of FLAC or MP3 takes. */
const MAX_BARREN_BYTES = 4 * 2 ** 20;
/** Of a stream: enough for any first header. */
const HEAD_BYTES = 64;

/**
 * Decodes a compressed stream part by part, a part for every few kilobytes.
 *
 * @throws DamagedStream, or what the decoder throws
 */
export async function* decodeStream(format: CompressedFormat, bytes: SyncBytes): AsyncGenerator<SoundPart, void, void> {
  const head = bytes.read(0, HEAD_BYTES);
  if (hasText(head, 0, "OggS")) {
    yield* decodeChunks(await openDecoder(format, head), oggChunks(bytes), Infinity, bytes.size);
    return;
  }
  const untagged = withoutEndTags(bytes);
  const decoder = await openDecoder(format, head);
  if (format !== "flac") {
    yield* decodeChunks(decoder, cutAnywhere(untagged), MAX_BARREN_BYTES, untagged.size);
    return;
  }
  const { frames, stream } = parseFlac(untagged);
  let decoded = 0;
  // Fed with pieces cut anywhere, the FLAC decoder overlooks frames that begin at the very end of a piece.
  for (const part of decodeChunks(decoder, cutFlac(stream, CHUNK_BYTES), MAX_BARREN_BYTES, stream.size)) {
    decoded += part.channels[0]?.length ?? 0;
    yield part;
  }
  if (frames > 0 && decoded !== frames) {
    throw new DamagedStream(`the header promises ${frames} frames but ${decoded} can be decoded`);
  }
}

function* cutAnywhere(bytes: SyncBytes): Generator<Uint8Array, void, void> {
  for (let offset = 0; offset < bytes.size; offset += CHUNK_BYTES) yield bytes.read(offset, CHUNK_BYTES);
}

function* oggChunks(bytes: SyncBytes): Generator<Uint8Array, void, void> {
  const pages = new OggPages(bytes);
  let end = 0;
  for (const chunk of cutAnywhere(bytes)) {
    end += chunk.length;
    pages.checkTo(end);
    yield chunk;
  }
}

/** Decodes chunk by chunk. Damage is also a stretch of more than `maxBarrenBytes` out of which no sound comes. */
function* decodeChunks(
  decoder: StreamDecoder,
  chunks: Iterable<Uint8Array>,
  maxBarrenBytes: number,
  totalBytes: number,
): Generator<SoundPart, void, void> {
  const check = new PartCheck();
  let readBytes = 0;
  let barrenBytes = 0;
  for (const chunk of chunks) {
    const channels = check.soundOf(decoder.decode(chunk));
    readBytes += chunk.length;
    barrenBytes = channels.length > 0 ? 0 : barrenBytes + chunk.length;
    if (barrenBytes > maxBarrenBytes) throw new DamagedStream(`no sound comes out of ${barrenBytes} bytes`);
    yield { channels, sampleRate: check.sampleRate, share: readBytes / totalBytes };
  }
  const channels = decoder.flush ? check.soundOf(decoder.flush()) : [];
  if (check.frames === 0) throw new DamagedStream("it holds no sound");
  yield { channels, sampleRate: check.sampleRate, share: 1 };
}

/** Compares the parts of one stream. */
class PartCheck {
  frames = 0;
  sampleRate = 0;
  private channels = 0;

  /** The part's channels, none where it holds no sound. */
  soundOf(part: DecodedPart): readonly Float32Array[] {
    const error = part.errors?.[0];
    if (error) throw new DamagedStream(error.message.trim(), undefined, { cause: part.errors });
    const frames = part.channelData[0]?.length ?? 0;
    if (frames === 0) return [];
    if (this.frames === 0) {
      this.sampleRate = part.sampleRate;
      this.channels = part.channelData.length;
    }
    if (part.sampleRate !== this.sampleRate || part.channelData.length !== this.channels) {
      throw new DamagedStream("its channels or its sample rate change on the way");
    }
    const problem = describeNonFinite(part.channelData, this.frames);
    if (problem) throw new DamagedStream(problem);
    this.frames += frames;
    return part.channelData;
  }
}
