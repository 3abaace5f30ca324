/** A piece of sound, or none: only a sign that bytes were read. */
export interface SoundPart {
  /** Shape [channels][frames]; no channels where no sound came out. */
  readonly channels: readonly Float32Array[];
  readonly sampleRate: number;
  /** The share of the stream that has been read, 0 to 1. */
  readonly share: number;
}

/** Parts of one stream, at least one, as a single one that goes as far as the last. */
export function joinParts(parts: readonly SoundPart[]): SoundPart {
  const last = parts.at(-1)!;
  const frames = parts.reduce((sum, { channels }) => sum + channels[0]!.length, 0);
  const channels = last.channels.map((_, channel) => {
    const joined = new Float32Array(frames);
    let place = 0;
    for (const part of parts) {
      joined.set(part.channels[channel]!, place);
      place += part.channels[channel]!.length;
    }
    return joined;
  });
  return { ...last, channels };
}
