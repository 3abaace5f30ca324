/** TensorBoard's event files: records of a length, a masked CRC-32C of it, an event and a masked CRC-32C of that. */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Audio } from "../../audio/audio.js";
import { encodeWav } from "../../audio/wav.js";
import { crc32c } from "../../data/crc32c.js";
import { explainIo } from "../../io/system-errors.js";
import { type Event, encodeEvent, type SummaryValue } from "./event-schema.js";

/** What a colour picture of three channels is called. */
const RGB = 3;

export class EventFile {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** A new file in `folder`; the time of day, in milliseconds, names it. */
  static async create(folder: string, time = Date.now()): Promise<EventFile> {
    const path = join(folder, `events.out.tfevents.${Math.floor(time / 1000)}.${hostname()}.${process.pid}`);
    return explainIo(`Cannot write ${path}`, async () => {
      await mkdir(folder, { recursive: true });
      const file = new EventFile(path, await open(path, "a"));
      await file.append({ wallTime: time / 1000, step: 0, fileVersion: "brain.Event:2" });
      return file;
    });
  }

  /** One number per tag. */
  scalars(values: Readonly<Record<string, number>>, step: number): Promise<void> {
    return this.summary(
      Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue })),
      step,
    );
  }

  image(tag: string, png: Uint8Array, size: { width: number; height: number }, step: number): Promise<void> {
    return this.summary([{ tag, image: { ...size, colorspace: RGB, encodedImageString: png } }], step);
  }

  audio(tag: string, { samples, sampleRate }: Audio, step: number): Promise<void> {
    const wav = encodeWav({ samples, sampleRate });
    const audio = {
      sampleRate,
      numChannels: 1,
      lengthFrames: samples.length,
      encodedAudioString: wav,
      contentType: "audio/wav",
    };
    return this.summary([{ tag, audio }], step);
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private summary(value: readonly SummaryValue[], step: number): Promise<void> {
    return this.append({ wallTime: Date.now() / 1000, step, summary: { value } });
  }

  private async append(event: Event): Promise<void> {
    const bytes = encodeEvent(event);
    const record = Buffer.alloc(16 + bytes.length);
    record.writeBigUInt64LE(BigInt(bytes.length));
    record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
    record.set(bytes, 12);
    record.writeUInt32LE(maskedCrc(bytes), 12 + bytes.length);
    await explainIo(`Cannot write ${this.path}`, () => this.handle.writeFile(record));
  }
}

function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
