/**
 * What is hidden from a recogniser while it learns, so that it does not learn a small corpus by heart: stretches of time and
 * bands of the spectrum (SpecAugment, Park et al. 2019), and letters of the text so far, which are replaced by others.
 */
import { whisperAudio } from "../../nn/mel.js";
import { randomFraction, randomInteger } from "../random.js";
import type { RecogniserConfig } from "./schema.js";
import type { TextBatch } from "./text-rows.js";

/** Random numbers that an item may take. */
const NUMBERS_PER_ITEM = 4096;

export interface SpectrumMasks {
  /** 0 where time is hidden, else 1: (B, frames, 1). */
  readonly frames: Float32Array;
  /** 0 where a band is hidden, else 1: (B, 1, bands). */
  readonly bands: Float32Array;
}

export class Hiding {
  constructor(
    private readonly config: Pick<RecogniserConfig, "seed" | "hide">,
    private readonly frames: number,
    private readonly bands: number,
  ) {}

  /** For items that are counted on from `first`. */
  spectrum(first: number, batch: number): SpectrumMasks {
    const { stretches, stretch_seconds, bands, band_width } = this.config.hide;
    const width = Math.round((stretch_seconds * whisperAudio.sampleRate) / whisperAudio.hop);
    return {
      frames: this.masks("frames", first, { batch, length: this.frames, holes: stretches, width }),
      bands: this.masks("bands", first, { batch, length: this.bands, holes: bands, width: band_width }),
    };
  }

  /** The text so far, some of its tokens replaced by tokens of the same batch; what is to be foretold stays. */
  tokens({ tokens, labels }: TextBatch, first: number): Int32Array {
    const { seed, hide } = this.config;
    const said = labels.filter((label) => label >= 0);
    const spoken = new Set(said);
    return tokens.map((token, i) => {
      const at = first * NUMBERS_PER_ITEM + i;
      if (!spoken.has(token) || randomFraction(seed, "hidden tokens", at) >= hide.tokens) return token;
      return said[randomInteger(seed, "other tokens", at, said.length)]!;
    });
  }

  private masks(
    stream: "frames" | "bands",
    first: number,
    { batch, length, holes, width }: { batch: number; length: number; holes: number; width: number },
  ): Float32Array {
    const masks = new Float32Array(batch * length).fill(1);
    for (let item = 0; item < batch; item++) {
      for (let hole = 0; hole < holes; hole++) {
        const at = (first + item) * NUMBERS_PER_ITEM + 2 * hole;
        const size = randomInteger(this.config.seed, stream, at, Math.min(width, length) + 1);
        const start = randomInteger(this.config.seed, stream, at + 1, length - size + 1);
        masks.fill(0, item * length + start, item * length + start + size);
      }
    }
    return masks;
  }
}
